-- A member comes, or has other info.
--
-- KEYS  1 info  2 leases
-- ARGV  6 id  7 info  8 lease, ms  9 members at most
-- Returns 1, or 0 when there are too many.

expire(KEYS[1], KEYS[2])
if not redis.call('ZSCORE', KEYS[2], ARGV[6]) and redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[9]) then
  return 0
end
redis.call('HSET', KEYS[1], ARGV[6], ARGV[7])
redis.call('ZADD', KEYS[2], number(now + ARGV[8]), ARGV[6])
keep_for(KEYS[1], ARGV[8] * 4)
keep_for(KEYS[2], ARGV[8] * 4)
tell('j ' .. #ARGV[6] .. ' ' .. ARGV[6] .. ARGV[7])
return 1
