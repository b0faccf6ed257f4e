//! The program as it is run, and its parts before a homeserver that says what a test wants, in one binary.

mod alive;
mod doctor;
mod load;
mod start;
