package contacts

import (
	"encoding/json"
	"strconv"

	"github.com/oklog/ulid/v2"
)

// appendJSON encodes the body as encoding/json does, several times faster: it is written for every contact.
func (b *contactBody) appendJSON(out []byte) ([]byte, error) {
	out = append(out, '{')
	for i, m := range b.Members {
		out = appendName(out, `"members":{`, i, m.name)
		out = appendQuoted(append(out, `{"state":`...), string(m.v.State))
		out = appendOptional(out, `,"reason":`, m.v.Reason)
		out = appendOrderJSON(append(out, `,"order":`...), m.v.Order)
		out = appendOptionalID(out, `,"reading":`, m.v.Reading)
		out = append(appendOptionalID(out, `,"done":`, m.v.Done), '}')
	}
	if len(b.Members) > 0 {
		out = append(out, "},"...)
	}
	for i, f := range b.Fields {
		out = appendName(out, `"fields":{`, i, f.name)
		out = appendQuoted(append(out, `{"state":`...), f.v.State)
		out = appendOptional(out, `,"reason":`, f.v.Reason)
		out = strconv.AppendInt(append(out, `,"position":`...), f.v.Position, 10)
		out = appendOrderJSON(append(out, `,"order":`...), f.v.Order)
		if f.v.Write != (write{}) {
			out = appendWriteJSON(append(out, `,"write":`...), f.v.Write)
		}
		out = append(out, '}')
	}
	if len(b.Fields) > 0 {
		out = append(out, "},"...)
	}
	head, err := json.Marshal(b.Head)
	return append(append(append(out, `"head":`...), head...), '}'), err
}

// appendName begins entry i of an object.
func appendName(out []byte, object string, i int, name string) []byte {
	if i == 0 {
		out = append(out, object...)
	} else {
		out = append(out, ',')
	}
	return append(appendQuoted(out, name), ':')
}

func appendWriteJSON(out []byte, w write) []byte {
	out = appendQuoted(append(out, `{"system":`...), string(w.System))
	out = append(append(append(out, `,"command":"`...), w.Command.String()...), '"')
	out = appendOptional(out, `,"result":`, w.Result)
	out = appendOptional(out, `,"reason":`, w.Reason)
	if w.Position != 0 {
		out = strconv.AppendInt(append(out, `,"position":`...), w.Position, 10)
	}
	return append(out, '}')
}

func appendOrderJSON(out []byte, o order) []byte {
	out = strconv.AppendInt(append(out, `{"input":`...), o.Input, 10)
	out = strconv.AppendInt(append(out, `,"position":`...), o.Position, 10)
	return append(out, '}')
}

func appendOptional(out []byte, name, text string) []byte {
	if text == "" {
		return out
	}
	return appendQuoted(append(out, name...), text)
}

func appendOptionalID(out []byte, name string, id ulid.ULID) []byte {
	if id.IsZero() {
		return out
	}
	return append(append(append(append(out, name...), '"'), id.String()...), '"')
}

// appendQuoted leaves texts with anything to be escaped to encoding/json.
func appendQuoted(out []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			quoted, _ := json.Marshal(text) // a text always encodes
			return append(out, quoted...)
		}
	}
	return append(append(append(out, '"'), text...), '"')
}
