//! The hostile suite: one attacker and four good neighbours in one loop, under open-loop load that is measured from the
//! time at which each request was meant to be sent. A row of docs/security.md is a test here, named by its id. It asserts
//! outcomes and that no neighbour's request fails, never times: those are printed (`SKEP_HOSTILE_SECONDS` makes it long,
//! benches/hostile.py reads what is printed). It must not know how the hall keeps its guests apart.
mod hive;
mod load;
mod rows_cpu;
mod rows_memory;
mod rows_other;
