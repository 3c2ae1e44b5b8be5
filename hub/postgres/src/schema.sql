-- Tables of Polysocket's PostgreSQL bridge. Each part is needed only with its option. The bridge's role has to be
-- granted what it uses: select, insert and delete on polysocket_overflow; select on polysocket_outbox and
-- polysocket_outbox_trimmed.

-- postgres.overflow: messages that are too long for a notification. Unlogged: they are as lasting as notifications.
create unlogged table if not exists polysocket_overflow (
  id text primary key,
  payload text not null,
  at timestamptz not null default now()
);
create index if not exists polysocket_overflow_at on polysocket_overflow (at);

-- Notifies whatever the length is. Put into a transaction of its own: one that writes and notifies holds a lock of
-- all notifying transactions while it waits for the disk.
create or replace function polysocket_notify(channel text, payload text) returns void language plpgsql as $$
declare
  id text := replace(gen_random_uuid()::text, '-', '');
begin
  if octet_length(payload) <= 7999 then
    perform pg_notify(channel, payload);
  else
    insert into polysocket_overflow (id, payload) values (id, payload);
    perform pg_notify(channel,
      '{"event":"Overflow","channel":' || to_json(channel)::text || ',"id":"' || id || '"}');
  end if;
end $$;

-- postgres.outbox: what is committed here is delivered, in order, and can be replayed.
create table if not exists polysocket_outbox (
  xid xid8 not null default pg_current_xact_id(),
  id bigint generated always as identity,
  channel text not null check (octet_length(channel) between 1 and 63),
  payload text not null,
  at timestamptz not null default clock_timestamp(),
  primary key (xid, id)
);
-- The time of the row and not of the beginning of its transaction: one that was open for long is no old message.
alter table polysocket_outbox alter column at set default clock_timestamp();

-- What was removed, so that whoever asks for it is told.
create table if not exists polysocket_outbox_trimmed (
  xid xid8 not null,
  id bigint not null
);

-- Writes a message. Without notification: the bridge looks by itself, and no writer waits for another.
create or replace function polysocket_publish(channel text, payload text) returns void language sql as $$
  insert into polysocket_outbox (channel, payload) values (channel, payload);
$$;

-- A trigger for any table:
--   create trigger live after insert or update or delete on orders
--     for each row execute function polysocket_row_changed('orders');
create or replace function polysocket_row_changed() returns trigger language plpgsql as $$
declare
  changed jsonb := jsonb_build_object('table', tg_table_name, 'op', tg_op);
begin
  if tg_op <> 'DELETE' then
    changed := changed || jsonb_build_object('new', to_jsonb(new));
  end if;
  if tg_op <> 'INSERT' then
    changed := changed || jsonb_build_object('old', to_jsonb(old));
  end if;
  insert into polysocket_outbox (channel, payload) values (coalesce(tg_argv[0], tg_table_name), changed::text);
  return null;
end $$;

-- Removes what is older, up to the first message that is not; to be called regularly, by cron for example.
create or replace function polysocket_outbox_trim(older interval) returns bigint language plpgsql as $$
declare
  last record;
  removed bigint;
  before timestamptz := clock_timestamp() - older;
begin
  lock table polysocket_outbox_trimmed in exclusive mode;
  with kept as (
    select o.xid, o.id from polysocket_outbox o
      where o.at >= before or o.xid >= pg_snapshot_xmin(pg_current_snapshot())
      order by o.xid, o.id limit 1
  )
  select o.xid, o.id into last from polysocket_outbox o left join kept on true
    where kept.xid is null or (o.xid, o.id) < (kept.xid, kept.id)
    order by o.xid desc, o.id desc limit 1;
  if not found then
    return 0;
  end if;
  delete from polysocket_outbox o where (o.xid, o.id) <= (last.xid, last.id);
  get diagnostics removed = row_count;
  delete from polysocket_outbox_trimmed;
  insert into polysocket_outbox_trimmed values (last.xid, last.id);
  return removed;
end $$;
