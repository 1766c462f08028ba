//! An error with its causes, in one line: for the log, and for operators who read what a command says.

use std::error::Error;

/// A cause whose words stand there already is left out: many errors show their cause themselves.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let words = cause.to_string();
        if !line.contains(&words) {
            line = format!("{line}: {words}");
        }
        source = cause.source();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    enum Layer {
        #[error("{0}")]
        Bottom(&'static str),
        #[error("the middle failed")]
        Silent(#[source] Box<Layer>),
        #[error("the top failed: {0}")]
        Showing(#[source] Box<Layer>),
    }

    #[test]
    fn every_cause_is_named_once() {
        let bottom = || Box::new(Layer::Bottom("no route to host"));
        assert_eq!(chain(&*bottom()), "no route to host");
        let silent = || Box::new(Layer::Silent(bottom()));
        assert_eq!(chain(&*silent()), "the middle failed: no route to host");
        assert_eq!(chain(&Layer::Showing(bottom())), "the top failed: no route to host");
        assert_eq!(chain(&Layer::Showing(silent())), "the top failed: the middle failed: no route to host");
        assert_eq!(
            chain(&Layer::Silent(Box::new(Layer::Showing(bottom())))),
            "the middle failed: the top failed: no route to host"
        );
    }
}
