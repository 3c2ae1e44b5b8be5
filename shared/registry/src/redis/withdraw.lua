-- Takes a node's lease back, if this incarnation holds it.
--
-- KEYS  1 leases  2 boots  3 expiries, as in announce.lua
-- ARGV  1 node  2 boot, 20 digits

if redis.call('HGET', KEYS[2], ARGV[1]) == ARGV[2] then
  redis.call('HDEL', KEYS[1], ARGV[1])
  redis.call('HDEL', KEYS[2], ARGV[1])
  redis.call('ZREM', KEYS[3], ARGV[1])
end
return 'ok'
