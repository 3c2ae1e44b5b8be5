//! The one program, `polysocket`: arguments and configuration in, running parts out.
//!
//! # Layout
//! [`args`]: the command line. [`config`]: all sections in one struct, and how it is loaded. [`commands`]: one file
//! for each subcommand. [`assembly`]: parts from configuration. [`echo`]: the targets of `dev`. [`pages`]: its pages.
//! [`error`]: why the program ended. [`open_files`]: how many there may be.

pub mod args;
pub mod assembly;
pub mod commands;
pub mod config;
pub mod echo;
pub mod error;
pub mod open_files;
pub mod pages;
