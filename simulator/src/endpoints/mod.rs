//! The protocols that the services speak.

pub(crate) mod secsign_form;
pub(crate) mod secsign_rest;
pub(crate) mod thumbsignin;
