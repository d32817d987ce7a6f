-- Ask about varied flights and check every answer. Run by `puntual stress`, or by hand:
--
--   puntual stress --keep requests
--   wrk -t1 -c16 -d30s --latency -s stress/predict.lua http://127.0.0.1:8000/predict -- requests [responses]
--
-- The folder holds requests.txt and, to check answers, answers.txt: line n of one is answered by line n of the
-- other. Request n carries X-Request-Id: n and the server echoes it, because wrk does not tell a response which
-- request it belongs to. Results go to the folder: result.json, and differing.tsv (times, n, body). An API key is
-- taken from PUNTUAL_API_KEY. PUNTUAL_STRESS_DELAY_MS pauses each connection before each request, for a rate below
-- the maximum: wrk has no other.

local ffi = require("ffi")
ffi.cdef [[
  struct timespec { long seconds; long nanoseconds; };
  int clock_gettime(int clock, struct timespec *moment);
  int kill(int process, int signal);
  int getpid(void);
  void *calloc(size_t count, size_t size);
]]
local MONOTONIC, INTERRUPT = 1, 2
local MOST_KEPT = 20000

local function seconds_now()
  local moment = ffi.new("struct timespec")
  ffi.C.clock_gettime(MONOTONIC, moment)
  return tonumber(moment.seconds) + tonumber(moment.nanoseconds) / 1e9
end

local function lines(path)
  local result = {}
  local file = io.open(path, "r")
  if not file then return nil end
  for line in file:lines() do result[#result + 1] = line end
  file:close()
  return result
end

-- ---- in the main state: share the work out among the threads, and gather their results ----------------------

local threads = {}
local MOST_THREADS = 256
-- One byte for each thread, in memory that all can reach: whether it has its share of the responses.
local ended = ffi.C.calloc(MOST_THREADS, 1)

function setup(thread)
  thread:set("place", #threads)
  thread:set("ended_at", tonumber(ffi.cast("intptr_t", ended)))
  threads[#threads + 1] = thread
  -- wrk sets a thread up before it makes the next, so the count is right only by the first response.
  for _, each in ipairs(threads) do each:set("thread_count", #threads) end
end

local function sum(name)
  local total = 0
  for _, thread in ipairs(threads) do total = total + (thread:get(name) or 0) end
  return total
end

local function write_differing(folder)
  local file = assert(io.open(folder .. "/differing.tsv", "w"))
  for _, thread in ipairs(threads) do
    for answer, times in pairs(thread:get("differing") or {}) do file:write(times, "\t", answer, "\n") end
  end
  file:close()
end

local function histogram(latency)
  local bins = {}
  for place = 1, #latency do
    local microseconds, count = latency(place)
    if microseconds then bins[#bins + 1] = string.format("[%d,%d]", microseconds, count) end
  end
  return "[" .. table.concat(bins, ",") .. "]"
end

function done(summary, latency)
  local folder = threads[1]:get("folder")
  local first, last = math.huge, 0
  for _, thread in ipairs(threads) do
    first = math.min(first, thread:get("first_sent") or math.huge)
    last = math.max(last, thread:get("last_answered") or 0)
  end
  -- Started but never answered: what the clock says then is the whole time that wrk gave it.
  local seconds = last > first and last - first or summary.duration / 1e6
  local errors = summary.errors
  write_differing(folder)
  local file = assert(io.open(folder .. "/result.json", "w"))
  file:write(string.format(
    '{"answered":%d,"refused":%d,"connect":%d,"read":%d,"write":%d,"timeout":%d,"unmatched":%d,' ..
    '"differing":%d,"uninspected":%d,"seconds":%.6f,"latency":%s}\n',
    sum("answered"), sum("refused"), errors.connect, errors.read, errors.write, errors.timeout, sum("unmatched"),
    sum("differing_count"), sum("uninspected"), seconds, histogram(latency)))
  file:close()
end

-- ---- in each thread -------------------------------------------------------------------------------------------

-- Globals, so that the main state can read them.
answered, refused, unmatched, differing_count, uninspected = 0, 0, 0, 0, 0
differing = {}

local requests, expected, responses, quota, pause
local sent, next_request, kept = 0, 0, 0

function init(arguments)
  folder = arguments[1] or error("name the folder of requests.txt: wrk ... -- FOLDER [RESPONSES]")
  local bodies = lines(folder .. "/requests.txt") or error(folder .. "/requests.txt: cannot be read")
  expected = lines(folder .. "/answers.txt")
  responses = tonumber(arguments[2])
  pause = tonumber(os.getenv("PUNTUAL_STRESS_DELAY_MS") or "")
  -- Threads start apart, so that they do not ask the same at the same time.
  next_request = math.floor(#bodies * (place * 0.618 % 1))
  requests = {}
  local key = os.getenv("PUNTUAL_API_KEY")
  for number, body in ipairs(bodies) do
    local headers = { ["Content-Type"] = "application/json", ["X-Request-Id"] = tostring(number) }
    if key and key ~= "" then headers["X-API-Key"] = key end
    requests[number] = wrk.format("POST", nil, headers, body)
  end
end

-- wrk looks for `delay` only in a script that has one.
if os.getenv("PUNTUAL_STRESS_DELAY_MS") then
  function delay()
    -- Spread evenly about the mean, so that connections do not fall into step.
    return math.floor(pause * 2 * math.random() + 0.5)
  end
end

function request()
  sent = sent + 1
  -- The first request of the first thread only shows wrk what requests look like; it is not sent.
  if not first_sent and (sent > 1 or place > 0) then first_sent = seconds_now() end
  next_request = next_request % #requests + 1
  return requests[next_request]
end

local function note_difference(number, body)
  differing_count = differing_count + 1
  local answer = number .. "\t" .. body:gsub("[\r\n\t]", " ")
  if differing[answer] then
    differing[answer] = differing[answer] + 1
  elseif kept < MOST_KEPT then
    kept = kept + 1
    differing[answer] = 1
  else
    uninspected = uninspected + 1
  end
end

local function check(headers, body)
  local number = tonumber(headers["x-request-id"] or headers["X-Request-Id"] or headers["X-Request-ID"])
  if not number or not expected[number] then
    unmatched = unmatched + 1
  elseif body ~= expected[number] then
    note_difference(number, body)
  end
end

local function all_ended()
  local marks = ffi.cast("char *", ended_at)
  marks[place] = 1
  for thread = 0, thread_count - 1 do
    if marks[thread] == 0 then return false end
  end
  return true
end

local function share()
  return math.floor(responses / thread_count) + (place < responses % thread_count and 1 or 0)
end

function response(status, headers, body)
  answered = answered + 1
  if status < 200 or status > 299 then
    refused = refused + 1
  elseif expected then
    check(headers, body)
  end
  last_answered = seconds_now()
  if not responses then return end
  quota = quota or share()
  if answered >= quota then
    wrk.thread:stop()
    -- The main thread sleeps through the whole duration unless it is interrupted.
    if all_ended() then ffi.C.kill(ffi.C.getpid(), INTERRUPT) end
  end
end
