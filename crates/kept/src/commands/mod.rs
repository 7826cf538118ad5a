//! The commands, one file each.

pub mod audit;
pub mod consent;
pub mod demo;
pub mod doctor;
pub mod import;
pub mod init;
pub mod keys;
pub mod link;
pub mod location;
pub mod migrate;
pub mod patient;
pub mod reply;
pub mod report;
pub mod sample_schedule;
pub mod serve;
pub mod simulate;
pub mod staff;
pub mod work;
