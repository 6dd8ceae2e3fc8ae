//! Every kind of event, in one table.

/// Whether a kind can change what somebody may do, so that every node must hear of it at once.
#[derive(PartialEq, Eq)]
enum Authority {
    Same,
    Changed,
}

macro_rules! kinds {
    ($($name:ident $text:literal $authority:ident $sentence:literal)+) => {
        /// What happened.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Kind { $(#[doc = $sentence] $name),+ }

        impl Kind {
            /// All of them, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Its name: a dotted noun and a past participle.
            #[must_use]
            pub const fn as_str(self) -> &'static str { match self { $(Self::$name => $text),+ } }

            /// What it tells.
            #[must_use]
            pub const fn sentence(self) -> &'static str { match self { $(Self::$name => $sentence),+ } }

            const fn authority(self) -> Authority { match self { $(Self::$name => Authority::$authority),+ } }
        }
    };
}

kinds! {
    UserCreated "user.created" Same "An account was made."
    UserUpdated "user.updated" Same "An account's data changed; 'before' holds what was there."
    UserVerified "user.verified" Changed "The e-mail address of an account was proved, or counts as proved no more."
    UserRoleChanged "user.role_changed" Changed "An account got another role; of a custom one, 'granted' or 'taken' names it."
    UserPlanChanged "user.plan_changed" Changed "An account got another plan."
    UserEmailChanged "user.email_changed" Changed "An account got another e-mail address."
    UserUnlocked "user.unlocked" Same "The failed tries of an account were forgiven."
    UserRestored "user.restored" Changed "A deleted account is there again."
    UserActivated "user.activated" Changed "A deactivated account may sign in again."
    UserDeactivated "user.deactivated" Changed "An account may not sign in any more."
    UserDeleted "user.deleted" Changed "An account is gone; it is erased when its grace has passed."
    UserErased "user.erased" Changed "A deleted account and its personal data in the log were erased."
    ProfileUpdated "profile.updated" Same "A person's extended profile changed; 'before' holds what was there."
    PreferencesUpdated "preferences.updated" Same "A person's preferences changed; 'before' holds what was there."
    PasswordChanged "password.changed" Changed "An account got another password."
    PasswordUpgraded "password.upgraded" Same "A password's hash was renewed with the current parameters."
    PasswordLinkSent "password.link_sent" Same "A one-time link for the choice of a password was queued for the address of an account."
    LoginSucceeded "login.succeeded" Same "Somebody proved who he is."
    LoginFailed "login.failed" Same "Somebody did not prove who he is, at a sign-in or again in a session; 'reason' when he had to wait instead."
    SessionCreated "session.created" Same "A session began."
    SessionRefreshed "session.refreshed" Same "A session got new tokens; refused: a refresh token was not accepted, 'reason' says why."
    SessionProved "session.proved" Changed "The person of a session proved himself again."
    SessionRevoked "session.revoked" Changed "A session was ended before its time; 'reason' says why."
    SessionExpired "session.expired" Changed "A session reached its end: it was not refreshed in time, or is too old."
    RoleCreated "role.created" Same "A custom role was made."
    RoleUpdated "role.updated" Changed "A custom role allows something else; 'before' holds what it allowed."
    RoleDeleted "role.deleted" Changed "A custom role is gone, and with it what it allowed."
    PlanCreated "plan.created" Same "A plan was made."
    PlanUpdated "plan.updated" Changed "A plan allows something else; 'before' holds what it allowed."
    PlanDeleted "plan.deleted" Same "A plan that nobody had is gone."
    KeyCreated "key.created" Same "An API key was made."
    KeyRevoked "key.revoked" Changed "An API key works no more."
    SigningKeyRotated "signing_key.rotated" Changed "Access tokens are signed with another key."
    AccessRefused "access.refused" Same "Somebody signed in asked for what he may not do; 'route' and 'permission' or 'code' say what."
    SetupCompleted "setup.completed" Same "The first superadmin was made; refused: the code was not the one that counts, or setup is over."
}

impl Kind {
    /// The kind of this name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text)
    }

    /// Whether it can change what somebody may do, so that every node must hear of it at once.
    #[must_use]
    pub fn changes_authority(self) -> bool {
        self.authority() == Authority::Changed
    }
}
