-- Notes that a channel was found empty, unless that was noted, or somebody has come since.
--
-- KEYS  1 channels  as in create.lua
--       2 visits    hash: publisher key -> how many there have been
--       3 vacated   hash: publisher key -> after how many visits it was found empty
-- ARGV  3 publisher key  4 how many visits the caller knows
-- Returns 1 for one caller, else 0.

if redis.call('HEXISTS', KEYS[1], ARGV[3]) == 0
  or (redis.call('HGET', KEYS[2], ARGV[3]) or '0') ~= ARGV[4]
  or redis.call('HGET', KEYS[3], ARGV[3]) == ARGV[4] then
  return 0
end
redis.call('HSET', KEYS[3], ARGV[3], ARGV[4])
return 1
