//! Every method of the store, on both engines. One module an area, as in `src`.

mod core;
mod purge;
