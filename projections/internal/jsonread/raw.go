package jsonread

// Raw reads any value and returns its text.
func (r *Reader) Raw() []byte {
	c := r.peek()
	begin := r.at
	switch c {
	case '"':
		r.rawString()
	case '{':
		r.rawObject()
	case '[':
		for range r.Elements() {
			r.Raw()
		}
	case 't':
		r.word("true")
	case 'f':
		r.word("false")
	case 'n':
		r.word("null")
	default:
		r.rawNumber()
	}
	if r.bad {
		return nil
	}
	return r.b[begin:r.at:r.at]
}

// rawObject passes by an object, whose keys may be anything.
func (r *Reader) rawObject() {
	if !r.open('{') {
		return
	}
	for first := true; !r.bad; first = false {
		if r.take('}') {
			r.depth--
			return
		}
		if !first && !r.take(',') || r.peek() != '"' {
			break
		}
		r.rawString()
		if !r.take(':') {
			break
		}
		r.Raw()
	}
	r.GiveUp()
}

func (r *Reader) rawString() {
	for i := r.at + 1; i < len(r.b); i++ {
		switch c := r.b[i]; {
		case plainText[c]:
		case c == '"':
			r.at = i + 1
			return
		case c < ' ':
			r.GiveUp()
			return
		case c == '\\':
			n := escape(r.b[i+1:])
			if n == 0 {
				r.GiveUp()
				return
			}
			i += n
		}
	}
	r.GiveUp()
}

// escape is the length of an escape behind its backslash, 0 for none.
func escape(b []byte) int {
	if len(b) == 0 {
		return 0
	}
	switch b[0] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 1
	case 'u':
		if len(b) < 5 {
			return 0
		}
		for _, c := range b[1:5] {
			if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') {
				return 0
			}
		}
		return 5
	}
	return 0
}

func (r *Reader) rawNumber() {
	if r.at < len(r.b) && r.b[r.at] == '-' {
		r.at++
	}
	switch {
	case r.at < len(r.b) && r.b[r.at] == '0':
		r.at++
	case r.digits() == 0:
		r.GiveUp()
		return
	}
	if r.at < len(r.b) && r.b[r.at] == '.' {
		if r.at++; r.digits() == 0 {
			r.GiveUp()
			return
		}
	}
	if r.at < len(r.b) && r.b[r.at]|0x20 == 'e' {
		r.at++
		if r.at < len(r.b) && (r.b[r.at] == '+' || r.b[r.at] == '-') {
			r.at++
		}
		if r.digits() == 0 {
			r.GiveUp()
		}
	}
}

func (r *Reader) digits() int {
	begin := r.at
	for r.at < len(r.b) && r.b[r.at] >= '0' && r.b[r.at] <= '9' {
		r.at++
	}
	return r.at - begin
}
