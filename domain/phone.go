package domain

import (
	"strings"
	"unicode"

	"github.com/nyaruka/phonenumbers"
)

// maxPhone bounds what is given to the parser, in bytes.
const maxPhone = 100

// PhoneNumber is a telephone number as read from a text.
type PhoneNumber struct {
	E164 string // "+18182124567", what numbers are compared by
	Ext  string // extension, not part of E164
	// Region is the ISO 3166 code the number belongs to; empty when it is only possible.
	Region string
	// Valid tells a number of an assigned range; otherwise it is only possible: its length fits its country.
	Valid bool
}

// callerWords are what telephone systems show instead of a hidden number: no phone at all.
var callerWords = map[string]bool{
	"anonymous": true, "restricted": true, "private": true, "unknown": true, "unavailable": true, "blocked": true,
	"withheld": true,
}

func readPhone(v scalar, f Format) (string, error) {
	text, err := v.single(Phone)
	if err != nil {
		return "", err
	}
	if v.shape == shapeBool {
		return "", invalid(Phone, "is not a phone number")
	}
	if e164, ok := northAmerican(text, f.Region); ok {
		return e164, nil
	}
	_, e164, err := recognise(text, f.Region)
	return e164, err
}

// northAmerican reads a number of the North American plan in one of the two ways most are written, "+12125551234" and, in
// its own country, ten digits such as "(212) 555-1234". Such a number is no puzzle, and the parser takes ten times as long.
func northAmerican(text, region string) (e164 string, ok bool) {
	var number [len("+12125551234")]byte
	digits := append(number[:0], "+1"...)
	rest, international := strings.CutPrefix(text, "+1")
	if !international && region != "US" && region != "CA" {
		return "", false
	}
	for _, c := range []byte(rest) {
		switch {
		case c >= '0' && c <= '9':
			digits = append(digits, c)
		case international || !strings.ContainsRune("()- ", rune(c)):
			return "", false
		}
		if len(digits) > len(number) {
			return "", false
		}
	}
	if len(digits) != len(number) || digits[2] < '2' || filler(string(digits[2:])) {
		return "", false
	}
	return string(digits), true
}

// ParsePhone reads a telephone number as people and systems write it; a national one is read for the region. Blank
// and the words of hidden callers give the zero number. A number that cannot be dialled is an *InvalidError.
func ParsePhone(text, region string) (p PhoneNumber, err error) {
	defer unreadable(&err, func() { p = PhoneNumber{} })
	n, e164, err := recognise(text, region)
	if n == nil || err != nil {
		return PhoneNumber{}, err
	}
	return PhoneNumber{
		E164: e164, Ext: n.GetExtension(), Region: phonenumbers.GetRegionCodeForNumber(n),
		Valid: phonenumbers.IsValidNumber(n),
	}, nil
}

// unreadable makes an error of a panic. The parser works on text from strangers; a panic in it must cost one value,
// not the process.
func unreadable(err *error, forget func()) {
	if recover() != nil {
		forget()
		*err = invalid(Phone, "cannot be read")
	}
}

// recognise returns the number and its E.164 form, neither for a text that means none.
func recognise(text, region string) (n *phonenumbers.PhoneNumber, e164 string, err error) {
	defer unreadable(&err, func() { n, e164 = nil, "" })
	if len(text) > maxPhone {
		return nil, "", invalid(Phone, "is too long")
	}
	text = stripFormat(text)
	if text == "" || callerWords[strings.ToLower(text)] {
		return nil, "", nil
	}
	if spreadsheet(text) {
		return nil, "", invalid(Phone, "was turned into a decimal number by a spreadsheet")
	}
	// 00 is the international prefix nearly everywhere but in North America, where the parser would not take it.
	if rest, ok := strings.CutPrefix(text, "00"); ok {
		text = "+" + rest
	}
	n, err = phonenumbers.Parse(text, region)
	if err != nil {
		return nil, "", invalid(Phone, "cannot be read as one phone number")
	}
	if !possible(n) {
		if n = withPlus(text, n); n == nil {
			return nil, "", invalid(Phone, "has too few or too many digits")
		}
	}
	e164 = phonenumbers.Format(n, phonenumbers.E164)
	if err := judge(text, n, e164); err != nil {
		return nil, "", err
	}
	return n, e164, nil
}

// judge refuses numbers that only look like one, and any that would read differently when it comes back.
func judge(text string, n *phonenumbers.PhoneNumber, e164 string) error {
	if junk(n) {
		return invalid(Phone, "is a filler, not a real number")
	}
	if lettered(text, n) && phonenumbers.GetNumberType(n) != phonenumbers.TOLL_FREE {
		return invalid(Phone, "has words in it")
	}
	if e164 != text {
		again, err := phonenumbers.Parse(e164, "")
		if err != nil || !possible(again) || phonenumbers.Format(again, phonenumbers.E164) != e164 {
			return invalid(Phone, "is not unambiguous")
		}
	}
	return nil
}

func possible(n *phonenumbers.PhoneNumber) bool {
	return phonenumbers.IsPossibleNumberWithReason(n) == phonenumbers.IS_POSSIBLE
}

// withPlus reads a number too long for its region as an international one whose plus was lost. Being a guess it
// must give a valid number; a local one without its area code is too short and never guessed at.
func withPlus(text string, first *phonenumbers.PhoneNumber) *phonenumbers.PhoneNumber {
	reason := phonenumbers.IsPossibleNumberWithReason(first)
	long := reason == phonenumbers.TOO_LONG || reason == phonenumbers.INVALID_LENGTH
	if !long || strings.HasPrefix(text, "+") {
		return nil
	}
	n, err := phonenumbers.Parse("+"+text, "")
	if err != nil || !phonenumbers.IsValidNumber(n) {
		return nil
	}
	return n
}

// spreadsheet tells "8182124567.0" and "8.18E+09": read as digits they would be somebody else's number.
func spreadsheet(text string) bool {
	whole, fraction, ok := strings.Cut(text, ".")
	if !ok || !digitsOnly(strings.TrimPrefix(whole, "+")) || strings.Contains(fraction, ".") {
		return false
	}
	if strings.Trim(fraction, "0") == "" {
		return true
	}
	mantissa, exponent, ok := strings.Cut(strings.ToUpper(fraction), "E")
	return ok && digitsOnly(mantissa) && digitsOnly(strings.TrimLeft(exponent, "+-"))
}

// junk tells one digit repeated and plain counting, unless some country really assigned the number. That is asked
// last: it takes as long as all the rest.
func junk(n *phonenumbers.PhoneNumber) bool {
	digits := phonenumbers.GetNationalSignificantNumber(n)
	return filler(digits) && !phonenumbers.IsValidNumber(n)
}

func filler(digits string) bool {
	repeated := digits != "" && strings.Trim(digits, digits[:1]) == ""
	return repeated || strings.Contains("01234567890123456789", digits)
}

// lettered reports whether letters were read as keys: the number then has more digits than the text.
func lettered(text string, n *phonenumbers.PhoneNumber) bool {
	digits := 0
	for _, r := range text {
		if unicode.IsNumber(r) {
			digits++
		}
	}
	return digits < len(phonenumbers.GetNationalSignificantNumber(n))
}
