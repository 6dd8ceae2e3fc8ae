//! What the export of oneself looks like.

use crate::{
    account::http::shape::User,
    clock::Time,
    event::http::shape::EventView,
    id::{KeyId, SessionId, UserId},
    profile::http::{Preferences, Profile},
    shape,
};

shape! {
    /// Everything that is held about oneself.
    pub(crate) struct Dossier {
        /// When it was written.
        exported_at: Time,
        /// The account, with its roles, plan, permissions and metadata.
        user: User,
        /// The profile.
        profile: Profile,
        /// The preferences.
        preferences: Preferences,
        /// Who one is in other systems.
        identities: Vec<Identity>,
        /// Roles that were granted beside the built-in one, or for a time.
        grants: Vec<Granted>,
        /// Since when the password is what it is; null when there is none.
        password_changed_at: Option<Time>,
        /// Failed tries that count, at each door.
        failed_attempts: Vec<Failures>,
        /// Devices that one is known by.
        devices: Vec<Known>,
        /// Sessions, ended ones too, until they are swept.
        sessions: Vec<PastSession>,
        /// API keys that one made, ended ones too.
        api_keys: Vec<PastKey>,
        /// What the log holds of oneself, and of what one did, the newest first.
        events: Vec<EventView>,
    }
}

shape! {
    /// Who one is in another system.
    pub(crate) struct Identity {
        /// Which system.
        #[example("external")]
        source: String,
        /// As whom.
        #[example("4711")]
        subject: String,
        /// Since when.
        created_at: Time,
    }
}

shape! {
    /// A role that was granted.
    pub(crate) struct Granted {
        /// Its name.
        #[example("support")]
        role: String,
        /// When it ends.
        expires_at: Option<Time>,
        /// When it was granted.
        created_at: Time,
    }
}

shape! {
    /// Failed tries.
    pub(crate) struct Failures {
        /// How many.
        #[example(2)]
        count: u64,
        /// Until when no more are taken.
        locked_until: Time,
        /// When the last one was.
        last_at: Time,
    }
}

shape! {
    /// A device that one is known by.
    pub(crate) struct Known {
        /// When one was last seen at it.
        seen_at: Time,
    }
}

shape! {
    /// A session that goes on or has ended.
    pub(crate) struct PastSession {
        /// Its id.
        id: SessionId,
        /// Where it began.
        #[example("192.0.2.7")]
        ip_address: Option<String>,
        /// What the browser or program called itself.
        #[example("Mozilla/5.0 (X11; Linux x86_64) Firefox/150.0")]
        user_agent: Option<String>,
        /// The kind of device, as far as that tells.
        #[example("desktop")]
        device_type: Option<String>,
        /// The browser.
        #[example("Firefox")]
        browser: Option<String>,
        /// The operating system.
        #[example("Linux")]
        os: Option<String>,
        /// Whether it was not ended.
        is_active: bool,
        /// Whether this request was made in it.
        is_current: bool,
        /// When it began.
        created_at: Time,
        /// When it ends unless it is used.
        expires_at: Time,
        /// The last request, to the minute.
        last_activity: Time,
        /// When it was ended.
        ended_at: Option<Time>,
        /// Why.
        #[example("logout")]
        end_reason: Option<String>,
        /// When one signed in.
        authenticated_at: Time,
        /// How one proved oneself (RFC 8176).
        #[example(["pwd"])]
        methods: Vec<String>,
    }
}

shape! {
    /// An API key that works or has ended.
    pub(crate) struct PastKey {
        /// Its id.
        id: KeyId,
        /// Its maker.
        user_id: UserId,
        /// What it is for.
        #[example("crm")]
        name: String,
        /// How it begins.
        #[example("dzk_Xq3f9a")]
        prefix: String,
        /// What it was given.
        #[example(["users.read"])]
        permissions: Vec<String>,
        /// When it was made.
        created_at: Time,
        /// When it ends by itself.
        expires_at: Option<Time>,
        /// When it was last used, to the minute.
        last_used_at: Option<Time>,
        /// From where.
        #[example("192.0.2.7")]
        last_used_ip: Option<String>,
        /// When it was ended.
        revoked_at: Option<Time>,
    }
}
