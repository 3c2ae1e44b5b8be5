//! Lists of tables whose columns are known.

use std::ops::{Deref, DerefMut};

use serde::{Deserialize, Serialize};

use crate::{Key, Kind, Problem, ValueType};

/// One table of a list of tables. Declared with [`row!`](crate::row).
pub trait TableRow: Default + Serialize + serde::de::DeserializeOwned {
    /// Its columns in order of declaration, without their defaults.
    fn columns() -> Vec<Key>;
    /// Checks what types cannot say; problems name the column alone, the list puts its own name before.
    fn check(&self, _problems: &mut Vec<Problem>) {}
}

/// A key that is a list of tables: `[[section.key]]` in the file, once for each row.
///
/// A `Vec` in all but its name, which it has because no other crate may say of a `Vec` of its own rows that it
/// is a [`ValueType`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tables<T>(pub Vec<T>);

impl<T> Tables<T> {
    /// No rows.
    pub const fn new() -> Self {
        Self(Vec::new())
    }
}

impl<T> Default for Tables<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Deref for Tables<T> {
    type Target = Vec<T>;
    fn deref(&self) -> &Vec<T> {
        &self.0
    }
}

impl<T> DerefMut for Tables<T> {
    fn deref_mut(&mut self) -> &mut Vec<T> {
        &mut self.0
    }
}

impl<T> From<Vec<T>> for Tables<T> {
    fn from(rows: Vec<T>) -> Self {
        Self(rows)
    }
}

impl<T> IntoIterator for Tables<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a, T> IntoIterator for &'a Tables<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<T: TableRow> ValueType for Tables<T> {
    const KIND: Kind = Kind::Tables;
    fn columns() -> Vec<Key> {
        Key::with_defaults(T::columns(), &T::default())
    }
    fn check(&self, key: &str, problems: &mut Vec<Problem>) {
        for (index, row) in self.iter().enumerate() {
            let first = problems.len();
            row.check(problems);
            for problem in &mut problems[first..] {
                problem.key = match problem.key.as_str() {
                    "" => format!("{key}[{index}]"),
                    column => format!("{key}[{index}].{column}"),
                };
            }
        }
    }
}

/// Declares the rows of a list of tables, in the syntax of [`section!`](crate::section) without the name.
///
/// ```
/// polysocket_config::row! {
///     /// A lamp of the street.
///     pub struct Lamp check bright_enough {
///         /// Where it stands.
///         place: String = String::new(),
///         /// How bright it is, in lumen.
///         lumen: u32 = 800,
///     }
/// }
/// fn bright_enough(lamp: &Lamp, problems: &mut Vec<polysocket_config::Problem>) {
///     if lamp.lumen < 100 {
///         problems.push(polysocket_config::Problem::new("lumen", "too dark; at least 100"));
///     }
/// }
/// polysocket_config::section! {
///     /// The street.
///     pub struct Street = "street" {
///         /// Its lamps.
///         lamps: polysocket_config::Tables<Lamp> = polysocket_config::Tables::new(),
///     }
/// }
/// let file = "[[lamps]]\nplace = 'corner'\n[[lamps]]\nlumen = 1200";
/// let street: Street = polysocket_config::toml::from_str(file).unwrap();
/// assert_eq!((street.lamps.len(), street.lamps[0].lumen), (2, 800));
/// ```
///
/// Every column has a default; a column without which a row means nothing is asked for by the check, which
/// names the column alone (`lumen`). Unknown columns are refused.
#[macro_export]
macro_rules! row {
    (
        $(#[doc = $doc:literal])*
        pub struct $name:ident $(check $check:path)? {
            $( $(#[doc = $kdoc:literal])* $(#[serde($($meta:tt)*)])? $key:ident : $type:ty = $default:expr ),* $(,)?
        }
    ) => {
        $crate::__keyed_struct! {
            $(#[doc = $doc])*
            pub struct $name {
                $( $(#[doc = $kdoc])* $(#[serde($($meta)*)])? $key : $type = $default ),*
            }
        }
        impl $crate::TableRow for $name {
            fn columns() -> Vec<$crate::Key> {
                vec![$( $crate::Key::of::<$type>(
                    $crate::plain_name(stringify!($key)),
                    <[&str]>::join(&[$($kdoc.trim()),*], "\n"),
                ) ),*]
            }
            fn check(&self, problems: &mut Vec<$crate::Problem>) {
                $( $crate::ValueType::check(&self.$key, $crate::plain_name(stringify!($key)), problems); )*
                $( $check(self, problems) )?
            }
        }
    };
}
