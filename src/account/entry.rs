//! An account as the search knows it.

use std::net::IpAddr;

use super::User;
use crate::search::{Entry, Facet, Flag, fold, rank};

impl From<&User> for Entry {
    fn from(user: &User) -> Self {
        let folded = |text: &Option<String>| text.as_deref().map(fold).unwrap_or_default();
        let flags = [user.is_active, user.is_verified, user.is_premium, user.mfa_enabled, user.synced];
        let facet = Facet::role(user.role).and(Facet::tier(&user.subscription_tier));
        let facet = Flag::ALL.into_iter().zip(flags).fold(facet, |all, (flag, is)| all.and(Facet::flag(flag, is)));
        let ip = user.ip_address.as_deref().unwrap_or_default();
        Self {
            doc: 0,
            user_id: user.id,
            version: user.version,
            facet: facet.value,
            role: rank(user.role),
            email: fold(&user.email),
            username: folded(&user.username),
            first_name: folded(&user.first_name),
            last_name: folded(&user.last_name),
            full_name: folded(&user.full_name),
            location: folded(&user.location),
            current_title: folded(&user.current_title),
            gender: folded(&user.gender),
            ip_address: ip.parse().map_or_else(|_| fold(ip), |ip: IpAddr| ip.to_string()),
            external_id: user.external_id.clone().unwrap_or_default(),
            created_at: user.created_at.micros(),
            updated_at: user.updated_at.micros(),
            last_login: user.last_login.map_or(0, |time| time.micros().max(1)),
        }
    }
}
