-- Writes the lease of a node, unless a later incarnation of it holds one.
--
-- KEYS  1 leases    hash: node -> JSON
--       2 boots     hash: node -> boot, 20 digits, so that text compares as numbers do
--       3 expiries  sorted set: node by the time its lease ends, ms
-- ARGV  1 node  2 boot  3 JSON  4 lease time, ms  5 nodes at most
-- Returns 'ok', 'superseded' or 'full'.

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

for _, node in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', string.format('%.0f', now))) do
  redis.call('HDEL', KEYS[1], node)
  redis.call('HDEL', KEYS[2], node)
  redis.call('ZREM', KEYS[3], node)
end

local standing = redis.call('HGET', KEYS[2], ARGV[1])
if standing and standing > ARGV[2] then
  return 'superseded'
end
if not standing and redis.call('ZCARD', KEYS[3]) >= tonumber(ARGV[5]) then
  return 'full'
end

redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[3], string.format('%.0f', now + ARGV[4]), ARGV[1])
-- The keys go with the last lease, so that an installation that is gone leaves nothing.
for _, key in ipairs(KEYS) do
  if redis.call('PTTL', key) < tonumber(ARGV[4]) then
    redis.call('PEXPIRE', key, ARGV[4])
  end
end
return 'ok'
