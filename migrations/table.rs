//! What migrations are made of: steps that know how they are undone. Frozen: a change here would change the past.

use sea_orm_migration::prelude::*;
pub(crate) use sea_orm_migration::schema::{big_integer, big_integer_null, boolean, boolean_null, text, text_null};

/// One change of the schema.
pub(crate) enum Step {
    Create(Box<NewTable>),
    /// SQLite adds one column at a time.
    Column(&'static str, Box<ColumnDef>),
    Index(&'static str, &'static [&'static str]),
    Unique(&'static str, &'static [&'static str]),
}

impl Step {
    pub(crate) async fn take(self, manager: &SchemaManager<'_>) -> Result<(), DbErr> {
        match self {
            Self::Create(new) => manager.create_table(new.table).await,
            Self::Column(table, column) => {
                manager.alter_table(Table::alter().table(table).add_column(*column).to_owned()).await
            }
            Self::Index(table, columns) => manager.create_index(index(table, columns)).await,
            Self::Unique(table, columns) => manager.create_index(index(table, columns).unique().to_owned()).await,
        }
    }

    pub(crate) async fn undo(self, manager: &SchemaManager<'_>) -> Result<(), DbErr> {
        match self {
            Self::Create(new) => manager.drop_table(Table::drop().table(new.name).to_owned()).await,
            Self::Column(table, column) => {
                let name = column.get_column_name();
                manager.alter_table(Table::alter().table(table).drop_column(name).to_owned()).await
            }
            Self::Index(table, columns) | Self::Unique(table, columns) => {
                manager.drop_index(Index::drop().name(index_name(table, columns)).table(table).to_owned()).await
            }
        }
    }
}

pub(crate) fn create(table: NewTable) -> Step {
    Step::Create(Box::new(table))
}

pub(crate) fn column(table: &'static str, column: ColumnDef) -> Step {
    Step::Column(table, Box::new(column))
}

/// A migration by its name, which databases have written down, and its steps.
pub(crate) struct Migration(pub(crate) &'static str, pub(crate) fn() -> Vec<Step>);

impl MigrationName for Migration {
    fn name(&self) -> &str {
        self.0
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for step in (self.1)() {
            step.take(manager).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for step in (self.1)().into_iter().rev() {
            step.undo(manager).await?;
        }
        Ok(())
    }
}

pub(crate) struct NewTable {
    name: &'static str,
    table: TableCreateStatement,
}

pub(crate) fn table(name: &'static str, columns: impl IntoIterator<Item = ColumnDef>) -> NewTable {
    let mut table = Table::create().table(name).to_owned();
    for column in columns {
        table.col(column);
    }
    NewTable { name, table }
}

impl NewTable {
    /// A primary key of two columns.
    pub(crate) fn keyed_by(mut self, one: &'static str, other: &'static str) -> Self {
        self.table.primary_key(Index::create().col(one).col(other));
        self
    }

    /// A foreign key from `column` to the `id` of `parent`; the child goes with its parent.
    pub(crate) fn belongs_to(mut self, column: &'static str, parent: &'static str) -> Self {
        let mut key = ForeignKey::create().from(self.name, column).to(parent, "id").to_owned();
        self.table.foreign_key(key.on_delete(ForeignKeyAction::Cascade));
        self
    }
}

/// The column of a primary key.
pub(crate) fn key(name: &'static str) -> ColumnDef {
    text(name).primary_key().to_owned()
}

fn index_name(table: &str, columns: &[&str]) -> String {
    format!("idx_{table}_{}", columns.join("_"))
}

fn index(table: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    let mut index = Index::create();
    index.name(index_name(table, columns)).table(table);
    for column in columns {
        index.col(*column);
    }
    index
}
