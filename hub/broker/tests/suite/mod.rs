pub mod bed;
pub mod history;
pub mod known;
pub mod members;
pub mod model;
pub mod order;
