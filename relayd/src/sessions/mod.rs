//! Sessions: the table, the cell that holds one, and the task that drives it.

mod cell;
mod driver;
mod table;

pub(crate) use cell::{Cell, Facts, Receiver, Tried};
pub(crate) use driver::{Dial as DialLater, Driver};
pub(crate) use table::Table;
