-- Adds to the visits of a channel.
--
-- KEYS  1 channels, as in create.lua; 2 visits, as in vacate.lua
-- ARGV  3 publisher key  4 how many to add: 1, or 0 to read
-- Returns how many there have been; 0 when there is no such channel.

if redis.call('HEXISTS', KEYS[1], ARGV[3]) == 0 then
  return 0
end
if ARGV[4] == '0' then
  return tonumber(redis.call('HGET', KEYS[2], ARGV[3]) or 0)
end
return redis.call('HINCRBY', KEYS[2], ARGV[3], ARGV[4])
