//! Every method of the store, on both engines. One module an area, as in `src`.

mod audit;
mod consent;
mod core;
mod intake;
mod practice;
mod purge;
