-- Keeps leases of one holder, and puts back those that were lost.
--
-- KEYS  1 sockets, as in admit.lua
-- ARGV  1 lease time, ms  2... ids of leases

local time = redis.call('TIME')
local ends = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[1])
local members = {}
for i = 2, #ARGV do
  members[#members + 1] = ends
  members[#members + 1] = ARGV[i]
end
redis.call('ZADD', KEYS[1], unpack(members))
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
end
return 'ok'
