//! `POST /users` and `POST /users/create-admin`.

use axum::extract::State;
use secrecy::SecretString;

use super::seen;
use crate::{
    access::{Permission, Role},
    account::{
        Changes, Email, New, Username, Verification,
        oversight::{self, ExternalId, Oversight},
    },
    app::App,
    body,
    error::{Error, Result, Rule},
    http::{Json, JsonObject, Line},
    login::{
        http::{Address, SignUp, confirmed, names},
        register,
    },
    once::{Answer, http::Once},
    password::Password,
    patch::Patch,
};

body! {
    /// What `POST /users` takes.
    pub(crate) struct Create {
        /// The e-mail address.
        email: Email,
        /// The password. Without it a one-time link goes to the address by mail, by which the person chooses one.
        #[example("Correct-Horse-7-Battery")]
        password: Option<Password>,
        /// The password once more; it must match when given.
        #[example("Correct-Horse-7-Battery")]
        confirm_password: Option<SecretString>,
        /// The whole name; needed unless both of its parts are given.
        #[example("Ann Lee")]
        full_name: Option<Line<2, 255>>,
        /// The first name or names.
        #[example("Ann")]
        first_name: Option<Line<1, 100>>,
        /// The last name.
        #[example("Lee")]
        last_name: Option<Line<1, 100>>,
        /// The name to sign in with, beside the address.
        #[example("ann.lee")]
        username: Option<Username>,
        /// The gender, as told.
        #[example("female")]
        gender: Option<Line<1, 50>>,
        /// A telephone number.
        #[example("+351 21 555 0100")]
        phone: Option<Line<1, 20>>,
        /// The address in the network that the person had.
        ip_address: Option<Address>,
        /// Whether the e-mail address is proved; not so, unless it is said.
        is_verified: Option<bool>,
        /// The id in the system the person came from; needs `users.update`.
        #[example("4711")]
        external_id: Option<ExternalId>,
        /// What is kept with the user and he does not write; needs `users.update`.
        #[example({"crm": 4711})]
        app_metadata: Option<JsonObject<16_384>>,
    }
}

/// `POST /users`.
pub(crate) async fn create(State(app): State<App>, once: Once, body: Result<Json<Create>>) -> Result<Answer> {
    once.caller.must(Permission::UsersCreate)?;
    let Json(body) = body?;
    let more = body.external_id.is_some() || body.app_metadata.is_some();
    let oversight = more.then(|| Oversight {
        external_id: body.external_id.map_or(Patch::Absent, Patch::Set),
        app_metadata: body.app_metadata.map_or(Patch::Absent, |object| Patch::Set(object.into_map())),
        ..Oversight::default()
    });
    let verification = if body.is_verified == Some(true) { Verification::Proved } else { Verification::Pending };
    let password = chosen(body.password, body.confirm_password.as_ref())?;
    let new = New {
        email: body.email,
        username: body.username,
        names: names(body.full_name, body.first_name, body.last_name)?,
        gender: body.gender.map(Line::into_string),
        phone: body.phone.map(Line::into_string),
        ip_address: body.ip_address.map(Address::into_string),
        role: Role::User,
        verification,
    };
    Box::pin(make(&app, &once, new, password, oversight)).await
}

/// A password that somebody is given, or none: then he chooses his own.
fn chosen(password: Option<Password>, confirmation: Option<&SecretString>) -> Result<Option<Password>> {
    match (&password, confirmation) {
        (None, Some(_)) => Err(Error::faults(vec![Rule::required().of("password")])),
        (Some(password), confirmation) => confirmed(password, confirmation),
        (None, None) => Ok(()),
    }?;
    Ok(password)
}

/// `POST /users/create-admin`: takes the same as `POST /auth/sign-up`.
pub(crate) async fn create_admin(State(app): State<App>, once: Once, body: Result<Json<SignUp>>) -> Result<Answer> {
    once.caller.must(Permission::UsersCreate)?;
    once.caller.must(Permission::UsersGrant)?;
    once.caller.must_give(Role::Admin)?;
    let (register, ip_address) = body?.0.split();
    let applicant = register.applicant(ip_address)?;
    let new = New {
        email: applicant.email,
        username: applicant.username,
        names: applicant.names,
        gender: applicant.gender,
        phone: applicant.phone,
        ip_address: applicant.ip_address,
        role: Role::Admin,
        verification: Verification::Pending,
    };
    Box::pin(make(&app, &once, new, Some(applicant.password), None)).await
}

async fn make(
    app: &App,
    once: &Once,
    new: New,
    password: Option<Password>,
    oversight: Option<Oversight>,
) -> Result<Answer> {
    let hash = match &password {
        Some(password) => Some(register::hash(app, &new, password).await?),
        None => None,
    };
    let (caller, hash, new) = (&once.caller, hash.as_ref(), &new);
    once.write(app, async |tx| {
        // A hash took its time.
        let caller = &if hash.is_some() { app.bearers.again(tx, caller).await? } else { caller.clone() };
        let mut user = match hash {
            Some(hash) => register::create(tx, caller, new, hash).await?.0,
            None => register::invite(tx, caller, &app.keys, new).await?,
        };
        if let Some(oversight) = oversight {
            user = oversight::update(tx, caller, user.id, Changes::default(), oversight, |_| Ok(())).await?;
        }
        Ok(Answer { status: 201, ..seen::answer(app, tx, caller, &user).await? })
    })
    .await
}
