//! What the harness is made of, on the homeserver that `KNOCKPROOF_HOMESERVER` names, in one binary: each one more would link all of matrix-sdk once
//! more. The defective bots are not here: they are their program themselves.

mod any_bot;
mod client;
mod front_door;
mod homeserver;
mod homeserver_choice;
mod world;
