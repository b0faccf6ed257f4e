//! A model of the bot, its homeserver, its disk, its operator and a rival, searched through to the last state.
//!
//! Single answers and single plans have tests of their own. Here it is looked at what comes of many in a row: the process
//! ends between any two steps, writes fail or are torn, answers are lost after the server has done what was asked,
//! operators and rivals act at any time. What is decided is decided by the real functions; what carries them out stands on
//! matrix-sdk, and is written down here once more, step by step.
//!
//! - `world`: the homeserver and the disk; `state`: everything, and where it begins;
//! - `bot`: the program and its steps; `events`: what happens around it;
//! - `answers`: what comes from the network, as it is classed;
//! - `decisions`: the decisions of a run; `defects`: such with one mistake each;
//! - `rules`, `search`: what must hold; `runs`: the tests.
//!
//! That it heals is no `eventually` of the checker: that misses what ends in a cycle, and an operator who does nothing is
//! one. Without faults the bot has one next step, so each state is followed to its end instead, which is as good as all
//! paths that are fair to the bot.
//!
//! Not modelled: refresh tokens, a session of another program, a server that does not say what keys it hands out, the
//! escrow file and the key backup (so a key counts as lost sooner than it is), claims of other copies (`copies` has tests
//! of its own), how long waits are.

mod answers;
mod bot;
mod decisions;
mod defects;
mod events;
mod rules;
mod runs;
mod search;
mod state;
mod world;
