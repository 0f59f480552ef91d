-- Counts one request for every key in KEYS. ARGV has six values for each key: an
-- algorithm and its five parameters. The answer has three integers for each key.
--
-- All times are in microseconds. Lua numbers are exact up to 2^53, and the Go
-- side keeps every value below that.

local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]

-- number writes an integer with all its digits. tostring keeps only 14.
local function number(value)
  return string.format('%.0f', value)
end

-- gcra answers {0 = allowed or 1 = over, time until the limit is full, fraction}.
--
-- The key holds the theoretical arrival time: the moment when the limit is full
-- again. A fraction of a microsecond follows if there is one, in units of
-- 1/parts. A limit without key is full.
local function gcra(key, cost, costPart, capacity, capacityPart, parts)
  cost, costPart, parts = tonumber(cost), tonumber(costPart), tonumber(parts)
  capacity, capacityPart = tonumber(capacity), tonumber(capacityPart)

  local used, part = 0, 0
  local state = redis.call('GET', key)
  if state then
    local full, fraction = string.match(state, '^(%d+):?(%d*)$')
    if not full then
      error('the key of a rate limit has a value of another program')
    end
    used, part = tonumber(full) - now, tonumber(fraction) or 0
    if used < 0 then
      used, part = 0, 0
    end
    if part >= parts then
      used, part = used + 1, 0
    end
    -- The limit was larger before, or the clock went back.
    if used > capacity or (used == capacity and part > capacityPart) then
      used, part = capacity, capacityPart
    end
  end

  local after, afterPart = used + cost, part + costPart
  if afterPart >= parts then
    after, afterPart = after + 1, afterPart - parts
  end
  if after > capacity or (after == capacity and afterPart > capacityPart) then
    return 1, used, part
  end
  if cost > 0 or costPart > 0 then
    local full = number(now + after)
    if afterPart > 0 then
      full = full .. ':' .. number(afterPart)
    end
    redis.call('SET', key, full, 'PX', number(math.floor(after / 1000) + 1))
  end
  return 0, after, afterPart
end

-- window answers {0, count, time until the end}, or {2, time of the server, 0}
-- without counting if the window is not the current one and is not forced.
local function window(key, hits, from, to, ttl, forced)
  if forced == '0' and (now < tonumber(from) or now >= tonumber(to)) then
    return 2, now, 0
  end
  local count = redis.call('INCRBY', key, hits)
  redis.call('PEXPIRE', key, ttl)
  return 0, count, math.max(0, tonumber(to) - now)
end

local algorithms = { gcra = gcra, window = window }
local answer = {}
for i, key in ipairs(KEYS) do
  local at = 6 * (i - 1)
  local a, b, c = algorithms[ARGV[at + 1]](key, ARGV[at + 2], ARGV[at + 3], ARGV[at + 4], ARGV[at + 5], ARGV[at + 6])
  answer[3 * i - 2], answer[3 * i - 1], answer[3 * i] = a, b, c
end
return answer
