//! How a setting is declared: once, with [`settings!`], for the struct that holds it, the configuration file, the environment and
//! the reference. `config` reads and checks what is written; nothing here knows files.

use std::time::Duration;

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const MINUTE: Duration = Duration::from_mins(1);
pub(crate) const HOUR: Duration = Duration::from_hours(1);
pub(crate) const DAY: Duration = days(1);

pub(crate) const fn days(count: u64) -> Duration {
    Duration::from_hours(24 * count)
}

pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) default: Option<&'static str>,
    /// Of a limit, what holds in the profile `production` where nothing is written; written as 0, the limit is lifted.
    pub(crate) production: Option<&'static str>,
    /// Of a key without which nothing works, what to write.
    pub(crate) required: Option<&'static str>,
    /// Another name by which the file may call it (RFC 7591 §2).
    pub(crate) alias: Option<&'static str>,
    pub(crate) about: &'static str,
}

impl Key {
    pub(crate) const fn new(name: &'static str, kind: Kind, about: &'static str) -> Self {
        Self { name, kind, default: None, production: None, required: None, alias: None, about }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    /// A text that is never shown. May also be given as `NAME_file`: the path of a file that holds it.
    Secret,
    /// A path; a relative one starts in the directory of the configuration file.
    Path,
    Switch,
    Count(u32, u32),
    Span(Duration, Duration),
    /// A list of texts; commas separate them in the environment.
    Texts,
    /// A list of texts without blanks; commas or blanks separate them in the environment.
    Words,
    Choice(&'static [&'static str]),
}

pub(crate) trait Declared {
    const NAME: &'static str;
    const ABOUT: &'static str;
    const KEYS: &'static [Key];
}

pub(crate) trait Setting<S>: Sized {
    fn read(source: &mut S, section: &'static str, key: &'static str) -> Option<Self>;
}

/// Declares a section. The documentation of a member is that of its key; a limit's ends with what holds in production.
macro_rules! settings {
    (
        $(#[doc = $about:literal])+
        [$($section:ident)?]
        pub(crate) struct $Name:ident {
            $(
                $(#[doc = $text:literal])+
                $key:ident: $type:ty = $kind:expr
                $(, default $default:tt)? $(, production $production:tt)? $(, required $required:literal)?;
            )+
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug)]
        pub(crate) struct $Name {
            $($(#[doc = $text])+ pub(crate) $key: $type,)+
        }

        impl $crate::domain::setting::Declared for $Name {
            const NAME: &'static str = stringify!($($section)?);
            const ABOUT: &'static str = concat!($($about),+).trim_ascii();
            const KEYS: &'static [$crate::domain::setting::Key] = &[
                $($crate::domain::setting::Key {
                    $(default: Some(stringify!($default)),)?
                    $(production: Some(stringify!($production)),)?
                    $(required: Some($required),)?
                    ..$crate::domain::setting::Key::new(
                        stringify!($key),
                        $kind,
                        concat!($($text),+ $(, " ", stringify!($production), " in production.")?).trim_ascii(),
                    )
                },)+
            ];
        }

        impl $Name {
            /// Takes the value of every key. `None` where one is missing or wrong; `source` has reported that.
            pub(crate) fn read<S>(source: &mut S) -> Option<Self>
            where
                $($type: $crate::domain::setting::Setting<S>,)+
            {
                let section = <Self as $crate::domain::setting::Declared>::NAME;
                $(let $key = $crate::domain::setting::Setting::read(source, section, stringify!($key));)+
                Some(Self { $($key: $key?,)+ })
            }
        }
    };
}
pub(crate) use settings;
