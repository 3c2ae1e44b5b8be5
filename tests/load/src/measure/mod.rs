//! What the machine says about a process, and about itself.

mod affinity;
mod cpu;
mod files;
mod machine;
mod memory;
mod occupancy;

pub use affinity::Cores;
pub use cpu::CpuClock;
pub use files::raise_open_files;
pub use machine::Machine;
pub use memory::pss_kib;
pub use occupancy::Occupancy;
