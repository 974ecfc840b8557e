-- SPDX-License-Identifier: MIT
--
-- ivsh.lua - Wireshark's dissector of what `ivsh capture` writes: link type USER0.
--
-- Each packet is a header of 28 bytes (ivsh-capture(1), CAPTURE FILES), then the message. Messages of calls
-- (port 3) are decoded as SPEC.md, section 14, says; those of 24 bytes that have the form of a
-- stream's control message as section 10 says, if the field ivsh.stream is wanted for them: any
-- port can have one, so a preference names the ports of the bytes, 4 unless changed.

local ivsh = Proto("ivsh", "ivsh message")

local kinds = {[0] = "inline", "small", "large", "packed", [255] = "mark"}
local reasons = {"released before it was seen", "ring reset", "observer stopped", "memory went back"}
local stream_kinds = {"HELLO", "CREDIT", "END", "CLOSE"}
local call_kinds = {"REQUEST", "REPLY"}

local f = {
	version = ProtoField.uint8("ivsh.version", "Version of this header"),
	header = ProtoField.uint8("ivsh.header", "Bytes of this header"),
	kind = ProtoField.uint8("ivsh.kind", "Kind", base.DEC, kinds),
	flags = ProtoField.uint8("ivsh.flags", "Flags", base.HEX),
	start = ProtoField.bool("ivsh.start", "Start", 8, nil, 0x01),
	unproven = ProtoField.bool("ivsh.unproven", "Not proven", 8, nil, 0x02),
	damaged = ProtoField.bool("ivsh.damaged", "Damaged", 8, nil, 0x04),
	at_least = ProtoField.bool("ivsh.at_least", "At least", 8, nil, 0x08),
	from = ProtoField.uint16("ivsh.from", "From slot"),
	to = ProtoField.uint16("ivsh.to", "To slot"),
	port = ProtoField.uint16("ivsh.port", "Port"),
	place = ProtoField.uint8("ivsh.place", "Place in the packed record"),
	places = ProtoField.uint8("ivsh.places", "Messages of the packed record"),
	reason = ProtoField.uint8("ivsh.reason", "Reason", base.DEC, reasons),
	index = ProtoField.uint32("ivsh.index", "Index"),
	generation = ProtoField.uint32("ivsh.generation", "Generation"),
	length = ProtoField.uint32("ivsh.length", "Length"),
	position = ProtoField.uint32("ivsh.position", "Position"),
	payload = ProtoField.bytes("ivsh.payload", "Payload"),
	missed = ProtoField.uint64("ivsh.missed", "Messages missed"),
	rule = ProtoField.string("ivsh.rule", "Rule of SPEC.md that is broken"),
	stream = ProtoField.uint32("ivsh.stream", "Stream", base.DEC, stream_kinds),
	stream_from = ProtoField.uint32("ivsh.stream.from", "From stream", base.HEX),
	stream_to = ProtoField.uint32("ivsh.stream.to", "To stream", base.HEX),
	stream_value = ProtoField.uint32("ivsh.stream.value", "Bytes"),
	stream_incarnation = ProtoField.uint32("ivsh.stream.incarnation", "Incarnation"),
	call = ProtoField.uint32("ivsh.call", "Call", base.DEC, call_kinds),
	call_port = ProtoField.uint16("ivsh.call.port", "Label"),
	call_id = ProtoField.uint64("ivsh.call.id", "Number", base.HEX),
	call_data = ProtoField.bytes("ivsh.call.data", "Data"),
}
ivsh.fields = f

local e = {
	damaged = ProtoExpert.new("ivsh.expert.damaged", "The descriptor breaks SPEC.md",
		expert.group.MALFORMED, expert.severity.ERROR),
	unproven = ProtoExpert.new("ivsh.expert.unproven",
		"Released before it was copied: the bytes may be a later message's",
		expert.group.SEQUENCE, expert.severity.WARN),
	missed = ProtoExpert.new("ivsh.expert.missed", "Messages were missed here",
		expert.group.SEQUENCE, expert.severity.WARN),
	version = ProtoExpert.new("ivsh.expert.version", "Of another version of ivsh capture",
		expert.group.UNDECODED, expert.severity.ERROR),
}
ivsh.experts = e

ivsh.prefs.streams = Pref.range("Ports of streams", "4",
	"Ports whose next port has a stream's control messages", 65534)

local HEADER = 28
local PORT_CALL = 3
local FLAG_DAMAGED, FLAG_UNPROVEN, FLAG_AT_LEAST = 0x04, 0x02, 0x08
local MARK = 255

-- Whether (port) belongs to the ports that a preference of ranges names, such as "4,100-110".
local function within(port, ranges)
	for part in tostring(ranges):gmatch("[^,]+") do
		local low, high = part:match("^%s*(%d+)%s*-%s*(%d+)%s*$")
		low = low or part:match("^%s*(%d+)%s*$")
		if low and port >= tonumber(low) and port <= tonumber(high or low) then
			return true
		end
	end
	return false
end

local function stream(tvb, tree)
	local kind = tvb(0, 4):le_uint()
	local node = tree:add(ivsh, tvb(), "Stream: " .. (stream_kinds[kind] or "unknown kind"))
	node:add_le(f.stream, tvb(0, 4))
	node:add_le(f.stream_from, tvb(4, 4))
	node:add_le(f.stream_to, tvb(8, 4))
	node:add_le(f.stream_value, tvb(12, 4))
	node:add_le(f.stream_incarnation, tvb(16, 4))
	return string.format("stream %s 0x%x > 0x%x, %u bytes", stream_kinds[kind] or kind,
		tvb(4, 4):le_uint(), tvb(8, 4):le_uint(), tvb(12, 4):le_uint())
end

local function call(tvb, tree)
	local kind = tvb(0, 4):le_uint()
	local node = tree:add(ivsh, tvb(), "Call: " .. (call_kinds[kind] or "unknown kind"))
	node:add_le(f.call, tvb(0, 4))
	node:add_le(f.call_port, tvb(4, 2))
	node:add_le(f.call_id, tvb(8, 8))
	if tvb:len() > 16 then
		node:add(f.call_data, tvb(16))
	end
	return string.format("call %s, label %u, number 0x%s", call_kinds[kind] or kind,
		tvb(4, 2):le_uint(), tvb(8, 8):le_uint64():tohex())
end

-- What is behind the header. Answers what the Info column says of it; nil: nothing special.
local function body(tvb, tree, port)
	if tvb:len() > 0 then
		tree:add(f.payload, tvb())
	end
	if port == PORT_CALL and tvb:len() >= 16 then
		return call(tvb, tree)
	elseif tvb:len() == 24 and port > 0 and within(port - 1, ivsh.prefs.streams) then
		return stream(tvb, tree)
	end
end

local function mark(tvb, tree, flags, reason)
	if tvb:len() >= 8 then
		tree:add_le(f.missed, tvb(0, 8))
	end
	tree:add_proto_expert_info(e.missed)
	return string.format("%s%s messages missed: %s",
		bit32.band(flags, FLAG_AT_LEAST) ~= 0 and "at least " or "",
		tvb:len() >= 8 and tostring(tvb(0, 8):le_uint64()) or "?", reasons[reason] or reason)
end

local function header(tvb, tree)
	tree:add(f.version, tvb(0, 1))
	tree:add(f.header, tvb(1, 1))
	tree:add(f.kind, tvb(2, 1))
	local flags = tree:add(f.flags, tvb(3, 1))
	for _, each in ipairs({f.start, f.unproven, f.damaged, f.at_least}) do
		flags:add(each, tvb(3, 1))
	end
	tree:add_le(f.from, tvb(4, 2))
	tree:add_le(f.to, tvb(6, 2))
	if tvb(2, 1):uint() == MARK then
		tree:add(f.reason, tvb(10, 1))
	else
		tree:add_le(f.port, tvb(8, 2))
		tree:add(f.place, tvb(10, 1))
		tree:add(f.places, tvb(11, 1))
	end
	tree:add_le(f.index, tvb(12, 4))
	tree:add_le(f.generation, tvb(16, 4))
	tree:add_le(f.length, tvb(20, 4))
	tree:add_le(f.position, tvb(24, 4))
end

function ivsh.dissector(tvb, pinfo, root)
	pinfo.cols.protocol = "ivsh"
	if tvb:len() < HEADER or tvb(0, 1):uint() ~= 1 or tvb(1, 1):uint() ~= HEADER then
		root:add(ivsh, tvb()):add_proto_expert_info(e.version)
		return
	end
	local kind, flags = tvb(2, 1):uint(), tvb(3, 1):uint()
	local from, to, port = tvb(4, 2):le_uint(), tvb(6, 2):le_uint(), tvb(8, 2):le_uint()
	local tree = root:add(ivsh, tvb(), string.format("ivsh message, slot %u to slot %u", from, to))
	local rest = tvb:len() > HEADER and tvb(HEADER):tvb() or nil
	local info

	pinfo.cols.src = "slot " .. from
	pinfo.cols.dst = "slot " .. to
	header(tvb(0, HEADER), tree)
	if kind == MARK then
		info = rest and mark(rest, tree, flags, tvb(10, 1):uint()) or "mark"
	elseif bit32.band(flags, FLAG_DAMAGED) ~= 0 then
		tree:add_proto_expert_info(e.damaged)
		if rest then
			tree:add(f.rule, rest())
		end
		info = "damaged descriptor: " .. (rest and rest():string() or "")
	else
		info = rest and body(rest, tree, port)
		info = string.format("port %u, %u bytes%s", port, tvb(20, 4):le_uint(),
			info and ": " .. info or "")
	end
	if bit32.band(flags, FLAG_UNPROVEN) ~= 0 then
		tree:add_proto_expert_info(e.unproven)
		info = info .. " [not proven]"
	end
	pinfo.cols.info = info
end

DissectorTable.get("wtap_encap"):add(wtap.USER0, ivsh)
