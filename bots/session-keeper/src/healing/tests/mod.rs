//! The decisions, looked at from outside: whoever looks for mistakes in them builds the library alone, and once.

mod class;
mod ends;
mod model;
mod plan;
mod refusal;
