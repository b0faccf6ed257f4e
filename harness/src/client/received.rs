//! What a member has received.

/// A message as a member sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The event's id.
    pub event_id: String,
    /// Who sent it.
    pub sender: String,
    /// Its text.
    pub body: String,
    /// Whether it came encrypted.
    pub encrypted: bool,
    /// The server's time, in milliseconds since 1970.
    pub at_ms: u64,
}

#[cfg(feature = "peer")]
/// The last of them, for people, with how many stayed unreadable.
pub(super) fn seen(messages: &[Received], unreadable: usize) -> String {
    let last: Vec<String> = messages
        .iter()
        .take(3)
        .map(|message| {
            format!(
                "{}: {:?}",
                message.sender,
                message.body.chars().take(80).collect::<String>()
            )
        })
        .collect();
    format!("{unreadable} unreadable; last messages [{}]", last.join(", "))
}
