//! Enums whose variants have a stable name (in rows, tokens, forms, logs and the audit trail), and types that are one text.

/// An enum with `as_str`.
macro_rules! named_enum {
    ($(#[$meta:meta])* $vis:vis enum $name:ident { $($(#[$of_variant:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$meta])*
        $vis enum $name { $($(#[$of_variant])* $variant,)+ }

        impl $name {
            $vis const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }
    };
}

/// An enum with `as_str`, `ALL` and `parse`.
macro_rules! parsed_enum {
    ($(#[$meta:meta])* $vis:vis enum $name:ident { $($(#[$of_variant:meta])* $variant:ident = $text:literal,)+ }) => {
        $crate::protocol::named::named_enum! {
            $(#[$meta])*
            $vis enum $name { $($(#[$of_variant])* $variant = $text,)+ }
        }

        impl $name {
            $vis const ALL: [Self; [$($text),+].len()] = [$(Self::$variant),+];

            $vis fn parse(text: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|known| known.as_str() == text)
            }
        }
    };
}

/// Lets serde read a type from one text, by its `parse`.
macro_rules! from_text {
    ($type:ty, $error:ty) => {
        impl TryFrom<String> for $type {
            type Error = $error;

            fn try_from(text: String) -> Result<Self, $error> {
                Self::parse(&text)
            }
        }
    };
}

pub(crate) use {from_text, named_enum, parsed_enum};
