//! The store's own tests. A *case* takes any store with a fresh schema, so that the same list runs on every engine; what only
//! SQLite promises stands in `sqlite`.

mod authorizations;
mod backchannel_logouts;
mod backup;
mod concurrency;
mod disowned;
mod inconsistency;
mod logins;
mod orders;
mod people;
mod postgres;
mod refusals;
mod room;
pub(crate) mod samples;
mod schema;
mod signing_keys;
mod sqlite;
mod tokens;
mod upkeep;
mod versions;

use std::path::PathBuf;

use futures_util::future::BoxFuture;
use tempfile::TempDir;

use super::Store;
use crate::domain::env::Env;

/// A case: it panics when the store does not keep its word.
type Case = fn(Store) -> BoxFuture<'static, ()>;

/// Lists the cases and makes each a test on a SQLite file of its own.
macro_rules! cases {
    ($($group:ident { $($case:ident)+ })+) => {
        fn all_cases() -> Vec<(&'static str, Case)> {
            vec![$($((concat!(stringify!($group), "::", stringify!($case)), |store| Box::pin($group::$case(store))),)+)+]
        }

        mod on_sqlite {
            $(mod $group {
                use super::super::{File, $group};

                $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let file = File::new();
                    $group::$case(file.migrated().await).await;
                })+
            })+
        }
    };
}

cases! {
    schema {
        every_entity_selects_on_a_fresh_database
        migrating_again_changes_nothing
        the_latest_migration_leaves_the_rows_in_order
        a_newer_schema_is_refused
        a_newer_schema_that_serves_this_program_is_lived_with
    }
    inconsistency {
        a_row_that_means_nothing_names_itself
    }
    people {
        usernames_and_addresses_are_unique
        a_typed_name_means_a_username_before_an_address_before_a_secsign_id
        an_upstream_user_belongs_to_one_person
        a_session_lives_until_it_is_ended_idle_expired_or_locked
        a_busy_session_is_not_written_at_every_request
        ending_a_session_revokes_what_was_not_granted_to_outlive_it
        a_remembered_browser_is_forgotten_in_time
        deleting_a_person_leaves_nothing_of_theirs
        many_people_are_inserted_at_once
    }
    authorizations {
        an_authorization_comes_back_as_it_was_written
        stages_follow_one_another_and_no_other_way
        an_expired_authorization_cannot_go_on
        an_authorization_comes_with_its_client
    }
    room {
        a_source_makes_room_in_its_own
        those_that_have_most_make_room_first
        whoever_is_in_the_middle_of_a_login_keeps_an_authorization
        what_led_to_no_code_goes_at_its_end
        an_authorization_keeps_one_answer_of_a_limit
        equal_events_of_strangers_become_one_row_with_their_number
        one_source_and_one_person_have_so_many_rows
        ever_new_sources_have_so_many_rows
        what_no_stranger_can_repeat_has_a_row_each
        two_nodes_count_in_one_row
        the_audit_trail_is_kept_as_long_as_it_should_be
        a_store_that_takes_writes_says_so
    }
    tokens {
        a_client_comes_back_as_it_was_written
        deleting_a_client_kills_what_it_got
        a_code_is_redeemed_once_and_not_after_its_time
        an_access_token_is_found_with_its_family
        a_refresh_token_has_one_successor
        consents_are_replaced_and_withdrawn
        the_first_writer_of_an_instance_value_wins
        a_nul_in_a_name_is_no_failure
    }
    backchannel_logouts {
        the_end_of_a_session_is_queued_once_for_each_of_its_clients
        a_client_that_cannot_be_read_keeps_no_session_from_ending
        locking_a_person_queues_every_session
        a_held_logout_waits_for_the_code_or_for_its_time
        a_row_is_sent_by_one_and_taken_over_when_its_lease_ran_out
        a_busy_client_hides_no_other
        a_renewed_session_keeps_its_id_and_loses_its_cookie
        an_expired_grant_is_remembered_for_as_long_as_its_session_lives
    }
    disowned {
        what_was_declined_elsewhere_is_listed_until_it_is_settled
        a_pause_grows_and_is_taken_back_whole
        the_sessions_of_a_source_end_with_all_that_came_of_them
        an_event_is_queued_with_its_row_if_it_is_of_a_kind_that_is_told
    }
    signing_keys {
        a_rotation_is_written_whole
        a_change_that_was_overtaken_leaves_nothing
        of_many_first_starts_and_rotations_one_is_written
    }
    logins {
        a_login_comes_back_as_it_was_written
        every_end_comes_back_as_it_was_written
        a_login_of_every_purpose_comes_back_and_is_found_by_it
        a_family_needs_no_session_and_one_of_no_user_is_left_to_a_newer_program
        an_approval_counts_before_the_deadline_only
        an_approval_is_used_once_by_its_browser
        an_end_is_final
        a_slot_is_held_until_it_is_given_back_or_runs_out
        a_lease_is_renewed_by_its_owner_and_taken_when_it_ran_out
        the_open_logins_of_a_browser_are_listed_latest_first
        a_disguised_login_waits_for_nobody_and_holds_nothing
        a_browser_has_one_slot_at_a_service_beside_the_persons
        a_login_taken_from_the_phone_goes_on_and_cannot_be_approved
        a_name_has_one_slot_whoever_it_belongs_to
        symbols_are_those_of_open_logins_for_the_same_target
        attempts_are_counted_by_name_person_source_and_network
        an_alarm_is_raised_once_in_its_time
    }
    orders {
        no_order_of_events_leads_out_of_an_end
    }
    concurrency {
        a_job_that_refuses_leaves_nothing_and_runs_once
        fifty_redeem_a_code_and_one_succeeds
        fifty_rotate_a_token_and_one_succeeds
        fifty_want_a_slot_and_one_gets_it
        fifty_want_a_lease_and_one_gets_it
        fifty_want_to_send_a_logout_token_and_one_does
        fifty_ask_one_phone_and_three_find_room
        fifty_consume_an_approval_and_one_succeeds
        fifty_name_the_issuer_and_all_read_the_same
        a_failing_job_does_not_spoil_its_neighbours
        a_job_that_lost_a_race_is_run_again
        a_job_is_done_though_its_caller_went_away
        a_panicking_job_ends_alone
    }
    versions {
        rows_of_the_release_before_are_read
        a_client_of_a_newer_release_is_served_and_keeps_what_only_that_one_knows
        words_of_a_newer_release_stop_nothing_but_their_own_row
        members_of_a_newer_release_are_passed_over
    }
    refusals {
        alike_ones_are_one_row_with_their_number
        of_a_client_the_latest_few_stay_and_of_others_all
        those_of_a_client_go_with_it_or_after_a_month
    }
    upkeep {
        the_long_dead_are_deleted_and_the_living_stay
        a_table_that_fails_keeps_no_other_from_being_cleaned
        the_audit_trail_is_read_latest_first
        the_audit_trail_is_read_by_person_client_kind_and_time
        a_row_that_stands_for_many_is_as_young_as_the_latest
        access_passes_are_capped
    }
}

/// Runs a statement, past every check of the store.
pub(crate) async fn execute(store: &Store, sql: &str) {
    schema::execute(store, sql).await;
}

/// A SQLite file that goes with the test.
struct File {
    directory: TempDir,
}

impl File {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("signbridge.db")
    }

    fn url(&self) -> String {
        format!("sqlite:{}", self.path().display())
    }

    async fn open(&self) -> Store {
        Store::open(&self.url(), Env::system()).await.unwrap()
    }

    async fn migrated(&self) -> Store {
        let store = self.open().await;
        store.migrate().await.unwrap();
        store
    }
}

#[expect(clippy::disallowed_methods, reason = "a test's own switch, not configuration of the product")]
fn server() -> String {
    std::env::var("SIGNBRIDGE_TEST_POSTGRES").unwrap()
}

/// A store in a new database of the same server, for the cases of other modules; nothing is migrated yet.
pub(crate) async fn new_on_postgresql(name: &str, env: Env) -> Store {
    let server = server();
    let database = format!("{name}_{}", std::process::id());
    let admin = Store::open(&format!("{server}/postgres"), Env::system()).await.unwrap();
    schema::execute(&admin, &format!("CREATE DATABASE {database}")).await;
    admin.close().await;
    Store::open(&format!("{server}/{database}"), env).await.unwrap()
}

/// Runs every case on the server that `SIGNBRIDGE_TEST_POSTGRES` names (`postgres://USER@HOST:PORT`), each in a database of
/// its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a PostgreSQL server"]
async fn every_case_holds_on_postgresql() {
    let server = server();
    let admin = Store::open(&format!("{server}/postgres"), Env::system()).await.unwrap();
    for (number, (name, case)) in all_cases().into_iter().enumerate() {
        let database = format!("case_{}_{number}", std::process::id());
        schema::execute(&admin, &format!("CREATE DATABASE {database}")).await;
        let store = Store::open(&format!("{server}/{database}"), Env::system()).await.unwrap();
        let (one, other) = tokio::join!(store.migrate(), store.migrate());
        one.and(other).unwrap();
        println!("{name}");
        case(store.clone()).await;
        schema::up_down_up(&store).await;
        if number == 0 {
            postgres::a_commit_in_doubt_is_settled_once_and_for_all(&store).await;
            postgres::a_session_keeps_its_limits(&store).await;
            postgres::the_schema_is_tables_and_indexes_alone(&store).await;
        }
        store.close().await;
        schema::execute(&admin, &format!("DROP DATABASE {database}")).await;
    }
}
