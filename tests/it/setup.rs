//! The one-time way to the first superadmin.

use denizen::{
    access::{Caller, Role},
    account::{Email, Names, New, User, Verification},
    app::App,
    error::{Code, Result},
    login::register,
    password::Password,
    secret::Token,
    setup::{self, Founder},
};

use crate::{each_engine, kit::client::PASSWORD};

const COMPLETED: &str = "select (select count(*) from events where kind = 'setup.completed' and outcome = 'success')
    + (select count(*) from events_pending where kind = 'setup.completed' and outcome = 'success')";

fn founder(name: &str, password: &str) -> Founder {
    let email = Email::parse(&format!("{name}@example.com")).unwrap();
    Founder { email, names: Names::default(), password: Password::parse(password).unwrap() }
}

async fn complete(app: &App, code: &Token, name: &str) -> Result<User> {
    loop {
        let done = setup::complete(app, &Caller::operator(), code, founder(name, PASSWORD)).await;
        // On a slow machine the queue for hashes is shorter than this crowd.
        if !matches!(&done, Err(error) if error.code() == Code::Busy) {
            return done;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[track_caller]
fn refused(done: Result<User>) -> Code {
    done.map(|user| user.email).unwrap_err().code()
}

each_engine! {
    async fn of_fifty_parallel_uses_one_makes_a_superadmin(app) {
        let code = setup::offer(&app.app).await.unwrap().unwrap();
        let tries = (0..50).map(|n| {
            let (app, code) = (app.app.clone(), code.clone());
            tokio::spawn(async move { complete(&app, &code, &format!("founder{n}")).await })
        });
        let mut made = Vec::new();
        for one in tries.collect::<Vec<_>>() {
            match one.await.unwrap() {
                Ok(user) => made.push(user),
                Err(error) => assert!(matches!(error.code(), Code::Conflict | Code::InvalidToken), "{error:?}"),
            }
        }
        assert_eq!(made.len(), 1);
        assert_eq!((made[0].role, made[0].is_verified), (Role::Superadmin, true));
        assert_eq!(app.database.number("select count(*) from users").await, 1);
        assert_eq!(app.database.number(COMPLETED).await, 1);
        let signed_in = app.login(&made[0].email).await.expect(200).json();
        assert_eq!(signed_in["user"]["role"], "superadmin");
    }

    async fn a_later_code_replaces_one_that_was_not_used(app) {
        let first = setup::offer(&app.app).await.unwrap().unwrap();
        let second = setup::offer(&app.app).await.unwrap().unwrap();
        assert_eq!(refused(complete(&app.app, &first, "ann").await), Code::InvalidToken);
        assert_eq!(refused(complete(&app.app, &Token::received("dzs_x"), "ann").await), Code::InvalidToken);
        let weak = setup::complete(&app.app, &Caller::operator(), &second, founder("ann", "short")).await;
        assert_eq!(refused(weak), Code::Invalid);
        complete(&app.app, &second, "ann").await.unwrap();
        assert_eq!(refused(complete(&app.app, &second, "bob").await), Code::Conflict);
        assert!(setup::offer(&app.app).await.unwrap().is_none());
    }

    async fn it_is_over_for_ever_once_there_is_a_superadmin(app) {
        let code = setup::offer(&app.app).await.unwrap().unwrap();
        let Founder { email, names, password } = founder("ann", PASSWORD);
        let new = New {
            email,
            username: None,
            names,
            gender: None,
            phone: None,
            ip_address: None,
            role: Role::Superadmin,
            verification: Verification::Proved,
        };
        register::by_operator(&app.app, &Caller::operator(), new, &password).await.unwrap();
        assert_eq!(refused(complete(&app.app, &code, "bob").await), Code::Conflict);
        assert!(setup::offer(&app.app).await.unwrap().is_none());
        app.database.execute("delete from credentials; delete from users").await;
        assert!(setup::offer(&app.app).await.unwrap().is_none());
        assert_eq!(refused(complete(&app.app, &code, "bob").await), Code::InvalidToken);
    }
}
