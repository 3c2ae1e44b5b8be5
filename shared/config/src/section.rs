//! Sections: structs that know their keys.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use crate::{Problem, Size, Span};

/// What a key takes, as told in `docs/CONFIG.md` and used to read a value from the environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// A number.
    Number,
    /// `true` or `false`.
    Bool,
    /// A duration, see [`Span`].
    Span,
    /// A number of bytes, see [`Size`].
    Size,
    /// A list of texts; in the environment and in flags separated by commas.
    List,
    /// A list of tables; only in the file. See [`Tables`](crate::Tables).
    Tables,
}

impl Kind {
    /// The word the documentation uses.
    pub fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Bool => "true/false",
            Self::Span => "duration",
            Self::Size => "bytes",
            Self::List => "list of text",
            Self::Tables => "tables",
        }
    }

    /// The end of the sentence "it takes ...".
    pub(crate) fn takes(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "a number",
            Self::Bool => "true or false",
            Self::Span => "a duration such as \"250ms\", \"5s\", \"2m\" or \"1h\"",
            Self::Size => "a size such as 1048576, \"256KiB\", \"4MiB\" or \"1GiB\"",
            Self::List => "a list of text",
            Self::Tables => "a list of tables",
        }
    }
}

/// A Rust type that a key can have.
///
/// A crate that has its own type for a key, such as an enum of words, implements this for it.
pub trait ValueType {
    /// How its values are written.
    const KIND: Kind;

    /// What it takes, to end the sentence "it takes ..." in errors and documentation. A type that takes less
    /// than its kind overrides it: "`json` or `text`".
    fn takes() -> String {
        Self::KIND.takes().to_owned()
    }

    /// The columns, when the values are tables whose columns are known.
    fn columns() -> Vec<Key> {
        Vec::new()
    }

    /// Checks what reading cannot; `key` is the full name. Default: nothing to check.
    fn check(&self, _key: &str, _problems: &mut Vec<Problem>) {}
}

macro_rules! value_types {
    ($($type:ty => $kind:ident $(= $takes:expr)?),* $(,)?) => { $(
        impl ValueType for $type {
            const KIND: Kind = Kind::$kind;
            $( fn takes() -> String { String::from($takes) } )?
        }
    )* };
}

const ADDRESS: &str = "an IP address";
const SOCKET: &str = "an IP address and a port, as in `127.0.0.1:8080`";
// TOML ends at 2^63 - 1, so that is also the end of a `u64` here.
const WHOLE: &str = "a whole number, 0 or more";

value_types! {
    String => Text, PathBuf => Text = "a path",
    IpAddr => Text = ADDRESS, SocketAddr => Text = SOCKET,
    u8 => Number = format!("a whole number from 0 to {}", u8::MAX),
    u16 => Number = format!("a whole number from 0 to {}", u16::MAX),
    u32 => Number = format!("a whole number from 0 to {}", u32::MAX),
    u64 => Number = WHOLE, usize => Number = WHOLE, f64 => Number,
    bool => Bool, Span => Span, Size => Size,
    Vec<String> => List,
    Vec<PathBuf> => List = "a list of paths",
    Vec<IpAddr> => List = "a list of IP addresses",
    Vec<SocketAddr> => List = format!("a list; each {SOCKET}"),
}

/// A key that may be absent; absent by default in most sections.
impl<T: ValueType> ValueType for Option<T> {
    const KIND: Kind = T::KIND;
    fn takes() -> String {
        T::takes()
    }
    fn columns() -> Vec<Key> {
        T::columns()
    }
    fn check(&self, key: &str, problems: &mut Vec<Problem>) {
        if let Some(value) = self {
            value.check(key, problems);
        }
    }
}

/// One key of a section, or one column of a table.
#[derive(Debug, Clone)]
pub struct Key {
    /// Its name in the section.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// What it takes, in words; see [`ValueType::takes`].
    pub takes: String,
    /// Its documentation, in the lines of the doc comment.
    pub doc: String,
    /// Its default, as the file has it; none when it is absent by default.
    pub default: Option<toml::Value>,
    /// The columns of its tables, when its kind is [`Kind::Tables`] and they are known.
    pub columns: Vec<Key>,
}

impl Key {
    /// A key of this type, without its default.
    pub fn of<T: ValueType>(name: &'static str, doc: String) -> Self {
        Self { name, kind: T::KIND, takes: T::takes(), doc, default: None, columns: T::columns() }
    }

    /// The keys with the defaults that `owner` has.
    ///
    /// # Panics
    /// When a default cannot be written as TOML: a number above 2^63 - 1.
    pub(crate) fn with_defaults(keys: Vec<Self>, owner: &impl serde::Serialize) -> Vec<Self> {
        let mut defaults = toml::Table::try_from(owner)
            .unwrap_or_else(|error| panic!("a default cannot be written as TOML: {error}"));
        keys.into_iter().map(|key| Self { default: defaults.remove(key.name), ..key }).collect()
    }
}

/// A part of the configuration that one subsystem owns.
pub trait Section: Default + serde::Serialize + serde::de::DeserializeOwned {
    /// The name of its table in the file; the prefix of its keys.
    const NAME: &'static str;
    /// What it is for.
    fn doc() -> String;
    /// Its keys in order of declaration; their defaults are in [`Outline::keys`](crate::Outline::keys).
    fn keys() -> Vec<Key>;
    /// Checks what types cannot say; every problem at once, with full names of keys. Default: nothing to check.
    fn check(&self, _problems: &mut Vec<Problem>) {}
}

/// The name of a field as the file has it: `r#type` is written `type`.
#[doc(hidden)]
pub fn plain_name(field: &'static str) -> &'static str {
    field.strip_prefix("r#").unwrap_or(field)
}

/// Declares a configuration section.
///
/// ```
/// polysocket_config::section! {
///     /// What the lamp does.
///     pub struct Lamp = "lamp" {
///         /// How long it burns.
///         burn_time: polysocket_config::Span = polysocket_config::Span::seconds(5),
///         /// Where it stands.
///         place: Option<String> = None,
///     }
/// }
/// use polysocket_config::Section;
/// assert_eq!(Lamp::keys()[0].name, "burn_time");
/// assert_eq!(Lamp::default().burn_time.as_duration().as_secs(), 5);
/// ```
///
/// Fields are public. A check beyond types: write `check path::to::function` after the name, with
/// `fn(&Self, &mut Vec<Problem>)`; the problems name keys in full (`lamp.place`). A key may have one
/// `#[serde(...)]` attribute after its documentation, but no `rename` or `alias`: the key is the field's name.
/// `{:?}` hides the values of keys that [may hold a secret](crate::may_hold_secret).
#[macro_export]
macro_rules! section {
    (
        $(#[doc = $doc:literal])*
        pub struct $name:ident = $section:literal $(check $check:path)? {
            $( $(#[doc = $kdoc:literal])* $(#[serde($($meta:tt)*)])? $key:ident : $type:ty = $default:expr ),* $(,)?
        }
    ) => {
        $crate::__keyed_struct! {
            $(#[doc = $doc])*
            pub struct $name {
                $( $(#[doc = $kdoc])* $(#[serde($($meta)*)])? $key : $type = $default ),*
            }
        }
        impl $crate::Section for $name {
            const NAME: &'static str = $section;
            fn doc() -> String { <[&str]>::join(&[$($doc.trim()),*], "\n") }
            fn keys() -> Vec<$crate::Key> {
                vec![$( $crate::Key::of::<$type>(
                    $crate::plain_name(stringify!($key)),
                    <[&str]>::join(&[$($kdoc.trim()),*], "\n"),
                ) ),*]
            }
            fn check(&self, problems: &mut Vec<$crate::Problem>) {
                $( $crate::ValueType::check(
                    &self.$key,
                    &[$section, $crate::plain_name(stringify!($key))].join("."),
                    problems,
                ); )*
                $( $check(self, problems) )?
            }
        }
    };
}

/// What sections and rows have in common: the struct, its defaults, and a `{:?}` that hides secrets.
#[doc(hidden)]
#[macro_export]
macro_rules! __keyed_struct {
    (
        $(#[doc = $doc:literal])*
        pub struct $name:ident {
            $( $(#[doc = $kdoc:literal])* $(#[serde($($meta:tt)*)])? $key:ident : $type:ty = $default:expr ),* $(,)?
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, $crate::serde::Serialize, $crate::serde::Deserialize)]
        #[serde(crate = "polysocket_config::serde", default, deny_unknown_fields)]
        pub struct $name {
            $( $(#[doc = $kdoc])* $(#[serde($($meta)*)])? pub $key: $type, )*
        }
        impl Default for $name {
            fn default() -> Self { Self { $( $key: $default, )* } }
        }
        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                let mut shown = f.debug_struct(stringify!($name));
                $( if $crate::may_hold_secret(stringify!($key)) {
                    shown.field(stringify!($key), &format_args!("(hidden)"));
                } else {
                    shown.field(stringify!($key), &self.$key);
                } )*
                shown.finish()
            }
        }
    };
}
