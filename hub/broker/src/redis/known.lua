-- Whether somebody has subscribed to a topic once.
--
-- KEYS  1 known, as in know.lua
-- ARGV  1, 2 not used  3 how long a name is known, ms  4 name

local time = redis.call('TIME')
local used = redis.call('ZSCORE', KEYS[1], ARGV[4])
if used and time[1] * 1000 - used < tonumber(ARGV[3]) then
  return 1
end
return 0
