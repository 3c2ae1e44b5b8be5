//! The HTTP side of the same address: event streams and reads for those without WebSockets, pushes for backends.

mod answer;
mod asked;
mod events;
mod push;
mod read;
mod routes;
