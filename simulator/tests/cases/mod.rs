//! What outsiders rely on, one file per subject.

mod apps;
mod captures;
mod faults;
mod guards;
mod pages;
mod phone;
mod secsign_form;
mod secsign_rest;
mod signatures;
mod thumbsignin;
