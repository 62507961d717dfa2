"""Row-level security for PostgreSQL, generated from the mapped classes: a new table is covered by existing.

    TenantRow   all commands   tenant_id = the transaction's tenant
    IndexRow    SELECT         everything (it says only where a thing is found)
                the rest       tenant_id = the transaction's tenant
    relayed     SELECT also for the relay (``RELAY_SETTING``): the outbox, which is sealed into the trail, and the feed,
                which is delivered from
    PlatformRow                no policy: it holds no tenant's data

Forced, so that it binds the tables' owner too. Without a tenant set, a tenant's table is empty and cannot be written.
"""

from __future__ import annotations

from sqlalchemy import Connection, MetaData, text

from idbroker.storage.rows import AUDIT, IndexRow, tenant_tables

TENANT_SETTING = "idbroker.tenant"
RELAY_SETTING = "idbroker.relay"
RELAYED_TABLES = frozenset({"outbox", "feed_events"})
POLICY = "idbroker_tenant"

CUT_PIECE = 5000
YOUNGEST_CUT = "30 days"
CUT_STATEMENTS = (
    """
    DELETE FROM audit_records WHERE tenant_id = :tenant AND sequence <= min(
        (SELECT max(size) FROM audit_heads WHERE tenant_id = :tenant AND kind = 'cut'),
        (SELECT min(sequence) FROM audit_records WHERE tenant_id = :tenant) + :piece
    )
    """,
    """
    DELETE FROM audit_terms WHERE tenant_id = :tenant
        AND era < (SELECT min(sequence) FROM audit_records WHERE tenant_id = :tenant) >> 16
    """,
    """
    DELETE FROM audit_personal WHERE tenant_id = :tenant
        AND sequence < (SELECT min(sequence) FROM audit_records WHERE tenant_id = :tenant)
    """,
)
"""How SQLite removes what a cut stands for, in pieces; PostgreSQL has the function below. An era of words goes in one piece."""

MOVE_LOCK = "hashtextextended('idbroker move ' || {tenant}, 0)"
"""Held, shared, by every transaction that writes to a tenant where there are several cells."""


def fence_of(metadata: MetaData) -> str:
    return "audit_cell_fences" if metadata is AUDIT else "cell_fences"


def changes_of(metadata: MetaData) -> str:
    return "audit_moving_changes" if metadata is AUDIT else "moving_changes"


_MATCH = f"tenant_id = current_setting('{TENANT_SETTING}', true)"


def policy_statements(metadata: MetaData) -> list[str]:
    """The DDL that secures every tenant-bearing table of that metadata. Safe to repeat."""
    statements: list[str] = []
    for name, cls in sorted(tenant_tables(metadata).items()):
        statements += [
            f'ALTER TABLE "{name}" ENABLE ROW LEVEL SECURITY',
            f'ALTER TABLE "{name}" FORCE ROW LEVEL SECURITY',
            f'DROP POLICY IF EXISTS {POLICY} ON "{name}"',
            f'DROP POLICY IF EXISTS {POLICY}_read ON "{name}"',
            f'DROP POLICY IF EXISTS {POLICY}_relay ON "{name}"',
            f'CREATE POLICY {POLICY} ON "{name}" USING ({_MATCH}) WITH CHECK ({_MATCH})',
        ]
        if issubclass(cls, IndexRow):
            statements.append(f'CREATE POLICY {POLICY}_read ON "{name}" FOR SELECT USING (true)')
        if name in RELAYED_TABLES:
            relay = f"current_setting('{RELAY_SETTING}', true) = 'on'"
            statements.append(f'CREATE POLICY {POLICY}_relay ON "{name}" FOR SELECT USING ({relay})')
    return statements


def apply(connection: Connection, metadata: MetaData, role: str, schema: str) -> None:
    """Create the policies and grant the server's role what it needs, no more. The audit store is append-only for it, but for
    what three functions do: ``audit_apply_cut``, ``audit_forget_item``, ``audit_erase_trail``."""
    quoted = connection.dialect.identifier_preparer.quote(role)
    for statement in policy_statements(metadata):
        connection.execute(text(statement))
    rights = "SELECT, INSERT" if metadata is AUDIT else "SELECT, INSERT, UPDATE, DELETE"
    connection.execute(text(f'GRANT USAGE ON SCHEMA "{schema}" TO {quoted}'))
    for table in metadata.sorted_tables:
        connection.execute(text(f'REVOKE ALL ON "{table.name}" FROM {quoted}'))
        connection.execute(text(f'GRANT {rights} ON "{table.name}" TO {quoted}'))
    for statement in moving_functions(metadata, schema):
        connection.execute(text(statement))
    if metadata is AUDIT:
        for statement in (*cut_function(schema), *forget_function(schema), *erase_function(schema)):
            connection.execute(text(statement))
        connection.execute(text(f"GRANT EXECUTE ON FUNCTION audit_erase_trail() TO {quoted}"))
        connection.execute(text(f"GRANT EXECUTE ON FUNCTION audit_forget_item(bigint, bigint, bigint[]) TO {quoted}"))
        connection.execute(text(f"GRANT EXECUTE ON FUNCTION audit_apply_cut() TO {quoted}"))
    connection.execute(text(f'GRANT SELECT ON "alembic_version" TO {quoted}'))
    connection.execute(text(f'GRANT USAGE ON ALL SEQUENCES IN SCHEMA "{schema}" TO {quoted}'))


def cut_function(schema: str) -> list[str]:
    """The only way in which records leave the audit store: with the owner's rights, but bound to the transaction's tenant by
    the forced policies, to its newest signed cut, and to records that have reached an age."""
    return [
        f"""
        CREATE OR REPLACE FUNCTION audit_apply_cut() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
        SET search_path = "{schema}", pg_temp AS $$
        DECLARE
            owner text := current_setting('{TENANT_SETTING}', true);
            first bigint; upto bigint; young bigint; removed bigint;
        BEGIN
            SELECT max(size) INTO upto FROM audit_heads WHERE tenant_id = owner AND kind = 'cut';
            IF upto IS NULL THEN
                RETURN 0;
            END IF;
            SELECT min(sequence) INTO first FROM audit_records WHERE tenant_id = owner;
            upto := least(upto, first + {CUT_PIECE});
            SELECT min(sequence) INTO young FROM audit_records
                WHERE tenant_id = owner AND sequence <= upto AND at > now() - interval '{YOUNGEST_CUT}';
            upto := least(upto, young - 1);
            DELETE FROM audit_records WHERE tenant_id = owner AND sequence <= upto;
            GET DIAGNOSTICS removed = ROW_COUNT;
            SELECT min(sequence) INTO first FROM audit_records WHERE tenant_id = owner;
            DELETE FROM audit_terms WHERE tenant_id = owner AND era < first >> 16;
            DELETE FROM audit_personal WHERE tenant_id = owner AND sequence < first;
            RETURN removed;
        END $$
        """,  # noqa: S608 # made of constants and of the configured schema alone
        "REVOKE ALL ON FUNCTION audit_apply_cut() FROM PUBLIC",
    ]


FORGET_STATEMENTS = (
    """
    DELETE FROM audit_terms WHERE tenant_id = :tenant AND era = :sequence >> 16 AND sequence = :sequence
        AND term IN (SELECT value FROM json_each(:terms))
        AND EXISTS (SELECT 1 FROM audit_personal WHERE tenant_id = :tenant AND sequence = :sequence AND item = :item)
    """,
    "DELETE FROM audit_personal WHERE tenant_id = :tenant AND sequence = :sequence AND item = :item",
)
"""How SQLite takes the text of a person's item out of the index; PostgreSQL has the function below."""


def forget_function(schema: str) -> list[str]:
    """The only way in which the index of words loses any before a cut: words of a record in which a person's part is sealed,
    together with that part's text. The records themselves are out of its reach."""
    return [
        f"""
        CREATE OR REPLACE FUNCTION audit_forget_item(of_sequence bigint, of_item bigint, words bigint[])
        RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = "{schema}", pg_temp AS $$
        DECLARE
            owner text := current_setting('{TENANT_SETTING}', true);
            removed bigint;
        BEGIN
            DELETE FROM audit_personal WHERE tenant_id = owner AND sequence = of_sequence AND item = of_item;
            GET DIAGNOSTICS removed = ROW_COUNT;
            IF removed > 0 THEN
                DELETE FROM audit_terms WHERE tenant_id = owner AND era = of_sequence >> 16
                    AND term = ANY (words) AND sequence = of_sequence;
            END IF;
            RETURN removed;
        END $$
        """,  # noqa: S608 # made of constants and of the configured schema alone
        "REVOKE ALL ON FUNCTION audit_forget_item(bigint, bigint, bigint[]) FROM PUBLIC",
    ]


ERASE_STATEMENTS = (
    "DELETE FROM audit_personal WHERE tenant_id = :tenant",
    "DELETE FROM audit_terms WHERE tenant_id = :tenant",
    "DELETE FROM audit_records WHERE tenant_id = :tenant",
)
"""How SQLite removes the trail of a tenant that is erased, and how the owner does."""


def erase_function(schema: str) -> list[str]:
    """The only way in which a whole trail goes: the newest head of the bound tenant says that it is erased, and no record is
    removed that has not reached an age. The index goes at once. Answers (removed, left)."""
    return [
        f"""
        CREATE OR REPLACE FUNCTION audit_erase_trail(OUT removed bigint, OUT remaining bigint) LANGUAGE plpgsql SECURITY DEFINER
        SET search_path = "{schema}", pg_temp AS $$
        DECLARE
            owner text := current_setting('{TENANT_SETTING}', true);
            newest text;
        BEGIN
            removed := 0;
            SELECT kind INTO newest FROM audit_heads WHERE tenant_id = owner ORDER BY number DESC LIMIT 1;
            IF newest = 'erased' THEN
                DELETE FROM audit_personal WHERE tenant_id = owner;
                DELETE FROM audit_terms WHERE tenant_id = owner;
                DELETE FROM audit_records WHERE tenant_id = owner AND sequence IN (
                    SELECT sequence FROM audit_records WHERE tenant_id = owner AND at <= now() - interval '{YOUNGEST_CUT}'
                    ORDER BY sequence LIMIT {CUT_PIECE});
                GET DIAGNOSTICS removed = ROW_COUNT;
            END IF;
            SELECT count(*) INTO remaining FROM audit_records WHERE tenant_id = owner;
        END $$
        """,  # noqa: S608 # made of constants and of the configured schema alone
        "REVOKE ALL ON FUNCTION audit_erase_trail() FROM PUBLIC",
    ]


def moving_functions(metadata: MetaData, schema: str) -> list[str]:
    """What a move of a tenant to another cell needs: a way past its fence that no move can overlook, and a trigger's function.

    A fence that came while the lock was waited for is seen: in such a function every statement looks anew.
    """
    lock = MOVE_LOCK.format(tenant="owner")
    return [
        f"""
        CREATE OR REPLACE FUNCTION pass_cell_fence(writes boolean) RETURNS text LANGUAGE plpgsql VOLATILE
        SET search_path = "{schema}", pg_temp AS $$
        DECLARE
            owner text := current_setting('{TENANT_SETTING}', true);
            found text;
        BEGIN
            SELECT state INTO found FROM {fence_of(metadata)} WHERE tenant_id = owner;
            IF found IS NOT NULL OR NOT writes THEN
                RETURN found;
            END IF;
            PERFORM pg_advisory_xact_lock_shared({lock});
            SELECT state INTO found FROM {fence_of(metadata)} WHERE tenant_id = owner;
            RETURN found;
        END $$
        """,  # noqa: S608 # made of constants and of the configured schema alone
        f"""
        CREATE OR REPLACE FUNCTION note_moving_change() RETURNS trigger LANGUAGE plpgsql
        SET search_path = "{schema}", pg_temp AS $$
        DECLARE
            was jsonb; now_is jsonb;
        BEGIN
            IF TG_OP <> 'INSERT' THEN
                SELECT coalesce(jsonb_agg(to_jsonb(OLD) -> name ORDER BY place), '[]') INTO was
                    FROM unnest(TG_ARGV) WITH ORDINALITY AS keys (name, place);
                INSERT INTO {changes_of(metadata)} (tenant_id, id, table_name, key)
                    VALUES (OLD.tenant_id, gen_random_uuid()::text, TG_TABLE_NAME, was);
            END IF;
            IF TG_OP <> 'DELETE' THEN
                SELECT coalesce(jsonb_agg(to_jsonb(NEW) -> name ORDER BY place), '[]') INTO now_is
                    FROM unnest(TG_ARGV) WITH ORDINALITY AS keys (name, place);
                IF was IS DISTINCT FROM now_is THEN
                    INSERT INTO {changes_of(metadata)} (tenant_id, id, table_name, key)
                        VALUES (NEW.tenant_id, gen_random_uuid()::text, TG_TABLE_NAME, now_is);
                END IF;
            END IF;
            RETURN NULL;
        END $$
        """,  # noqa: S608 # made of constants and of the configured schema alone
    ]


def problems(connection: Connection, metadata: MetaData, schema: str) -> list[str]:
    """What stands between this connection and safety: a role that policies do not bind, or a table without them."""
    found: list[str] = []
    mighty = connection.execute(text("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")).scalar_one()
    if mighty:
        found.append("the server's database role bypasses row-level security; run: idbroker migrate")
    secured = set(
        connection.execute(
            text(
                "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                " WHERE n.nspname = :schema AND c.relrowsecurity AND c.relforcerowsecurity"
                " AND EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = :policy)"
            ),
            {"schema": schema, "policy": POLICY},
        ).scalars()
    )
    open_tables = sorted(set(tenant_tables(metadata)) - secured)
    if open_tables:
        found.append(f"no row-level security on: {', '.join(open_tables)}; run: idbroker migrate")
    return found
