-- Notes that somebody subscribes to a topic. Stands alone, without topic.lua: these are the names of a whole space.
--
-- KEYS  1 known  sorted set: name of a topic by the time of its last use, ms
-- ARGV  1, 2 not used  3 how long a name is known, ms  4 names at most  5 name

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

redis.call('ZADD', KEYS[1], string.format('%.0f', now), ARGV[5])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now - ARGV[3]))
local count, max = redis.call('ZCARD', KEYS[1]), tonumber(ARGV[4])
if count > max then
  -- An eighth at once, so that this is rare.
  redis.call('ZREMRANGEBYRANK', KEYS[1], 0, count - math.ceil(max / 8 * 7) - 1)
end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
