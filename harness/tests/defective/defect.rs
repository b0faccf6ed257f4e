//! What can be wrong with the double.

use std::fmt;

/// One thing wrong with an otherwise sound bot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Defect {
    /// It prints its token.
    LogsToken,
    /// It says its token in a room.
    SaysToken,
    /// It writes its token into a temporary file.
    DropsToken,
    /// It answers a question twice.
    AnswersTwice,
    /// It takes an outage for a dead token.
    LogsInDuringOutage,
    /// It logs in once more than it has to, and leaves that device behind.
    LeavesDevice,
    /// It logs in again and again on its device.
    LogsInOften,
    /// It ends whatever session it comes by.
    LogsOthersOut,
    /// It does not end when it is asked to.
    IgnoresSigterm,
    /// It ends with another exit status.
    ExitsWithFailure,
    /// A thread of it panics.
    Panics,
    /// It panics as a whole, and is started again.
    Dies,
    /// It acts with whatever token is in its environment.
    UsesAnyToken,
    /// It calls for its operator where it heals.
    Cries,
    /// It calls for its operator and does not say what to do.
    SaysNoStep,
    /// It takes itself for somebody else once it has healed.
    NamesAnotherUser,
    /// It heals, but takes its time.
    HealsLate,
    /// It is there and does nothing.
    DoesNothing,
    /// It answers in the clear what it was asked in an encrypted room.
    AnswersInClear,
    /// It has an identity and does not sign its device with it.
    SignsNothing,
    /// It deletes its key backup.
    DropsHistory,
    /// It makes itself another cross-signing identity.
    LosesTrust,
}

impl Defect {
    pub(crate) const ALL: [Self; 22] = [
        Self::LogsToken,
        Self::SaysToken,
        Self::DropsToken,
        Self::AnswersTwice,
        Self::LogsInDuringOutage,
        Self::LeavesDevice,
        Self::LogsInOften,
        Self::LogsOthersOut,
        Self::IgnoresSigterm,
        Self::ExitsWithFailure,
        Self::Panics,
        Self::Dies,
        Self::UsesAnyToken,
        Self::Cries,
        Self::SaysNoStep,
        Self::NamesAnotherUser,
        Self::HealsLate,
        Self::DoesNothing,
        Self::AnswersInClear,
        Self::SignsNothing,
        Self::DropsHistory,
        Self::LosesTrust,
    ];

    /// Whether only a bot that encrypts can have it.
    pub(crate) fn needs_encryption(self) -> bool {
        matches!(
            self,
            Self::AnswersInClear | Self::SignsNothing | Self::DropsHistory | Self::LosesTrust
        )
    }

    /// The defect of a name; nothing for a sound bot.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|defect| defect.to_string() == name)
    }
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LogsToken => "logs-token",
            Self::SaysToken => "says-token",
            Self::DropsToken => "drops-token",
            Self::AnswersTwice => "answers-twice",
            Self::LogsInDuringOutage => "logs-in-during-outage",
            Self::LeavesDevice => "leaves-device",
            Self::LogsInOften => "logs-in-often",
            Self::LogsOthersOut => "logs-others-out",
            Self::IgnoresSigterm => "ignores-sigterm",
            Self::ExitsWithFailure => "exits-with-failure",
            Self::Panics => "panics",
            Self::Dies => "dies",
            Self::UsesAnyToken => "uses-any-token",
            Self::Cries => "cries",
            Self::SaysNoStep => "says-no-step",
            Self::NamesAnotherUser => "names-another-user",
            Self::HealsLate => "heals-late",
            Self::DoesNothing => "does-nothing",
            Self::AnswersInClear => "answers-in-clear",
            Self::SignsNothing => "signs-nothing",
            Self::DropsHistory => "drops-history",
            Self::LosesTrust => "loses-trust",
        })
    }
}
