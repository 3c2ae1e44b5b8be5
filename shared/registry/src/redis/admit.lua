-- Decides whether a holder may have one more socket, and counts it if so. A refusal changes nothing.
--
-- KEYS  1 sockets  sorted set: id of the lease by the time it ends, ms
--       2 creates  the time at which the next create is due, us (GCRA, see rate.rs)
-- ARGV  1 id of the lease  2 lease time, ms  3 sockets at most, or -1
--       4 interval between creates, us; 0 for any number of them, -1 for none
--       5 tolerance, us; with -1 what to return
-- Returns 0 when admitted, -1 for too many sockets, else the ms after which a create is admitted.

local time = redis.call('TIME')
local now_us = time[1] * 1000000 + time[2]
local now = math.floor(now_us / 1000)
local lease_time, sockets_max = tonumber(ARGV[2]), tonumber(ARGV[3])
local interval, tolerance = tonumber(ARGV[4]), tonumber(ARGV[5])

redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
local repeated = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not repeated then
  if sockets_max >= 0 and redis.call('ZCARD', KEYS[1]) >= sockets_max then
    return -1
  end
  if interval < 0 then
    return tolerance
  end
  if interval > 0 then
    local due = tonumber(redis.call('GET', KEYS[2]) or 0)
    -- It is never further ahead than this, unless the clock was set back.
    due = math.min(due, now_us + tolerance + interval)
    local wait = due - tolerance - now_us
    if wait > 0 then
      return math.ceil(wait / 1000)
    end
    due = math.max(due, now_us) + interval
    redis.call('SET', KEYS[2], string.format('%.0f', due), 'PX', math.ceil((due - now_us) / 1000))
  end
end

redis.call('ZADD', KEYS[1], string.format('%.0f', now + lease_time), ARGV[1])
if redis.call('PTTL', KEYS[1]) < lease_time then
  redis.call('PEXPIRE', KEYS[1], lease_time)
end
return 0
