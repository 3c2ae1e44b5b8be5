-- Adds a channel.
--
-- KEYS  1 channels     hash: publisher key -> JSON
--       2 publishers   hash: subscriber key -> publisher key
-- ARGV  3 publisher key  4 subscriber key  5 JSON  6 channels at most
-- Returns 1, or 0 when there are as many as may be.

if redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[6]) then
  return 0
end
redis.call('HSET', KEYS[1], ARGV[3], ARGV[5])
redis.call('HSET', KEYS[2], ARGV[4], ARGV[3])
return 1
