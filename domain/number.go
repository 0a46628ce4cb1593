package domain

import (
	"encoding/json"
	"strconv"
	"strings"
)

// maxDigits bounds a number's canonical text, so that "1e999999999" costs nothing.
const maxDigits = 100

func readNumber(v scalar, _ Format) (string, error) {
	if v.shape == shapeBool || v.shape == shapeList {
		return "", invalid(Number, "is not a number")
	}
	return decimal(v.text)
}

func writeNumber(canonical string, f Format) (json.RawMessage, error) {
	text, err := decimal(canonical)
	if err != nil {
		return nil, err
	}
	if f.System == HubSpot {
		return quote(text), nil
	}
	return json.RawMessage(text), nil
}

// decimal returns the one decimal text of a number, without exponent, plus sign or needless zeros: "1500.00" is
// "1500", "-0" is "0", "1.5e3" is "1500". It never goes through a float.
func decimal(s string) (string, error) {
	s, negative := cutSign(s)
	mantissa, exponent, err := cutExponent(s)
	if err != nil {
		return "", err
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	if !digitsOnly(whole) || !digitsOnly(fraction) || whole+fraction == "" {
		return "", invalid(Number, "is not a plain decimal number such as 1500.5")
	}
	point := len(whole) + exponent
	digits := whole + fraction
	cut := strings.TrimLeft(digits, "0")
	point -= len(digits) - len(cut)
	digits = strings.TrimRight(cut, "0")
	if digits == "" {
		return "0", nil
	}
	if max(point, len(digits))-min(point, 0) > maxDigits {
		return "", invalid(Number, "has too many digits")
	}
	text := place(digits, point)
	if negative {
		text = "-" + text
	}
	return text, nil
}

// place puts the decimal point after that many digits; digits has no zero at either end.
func place(digits string, point int) string {
	switch {
	case point <= 0:
		return "0." + strings.Repeat("0", -point) + digits
	case point >= len(digits):
		return digits + strings.Repeat("0", point-len(digits))
	}
	return digits[:point] + "." + digits[point:]
}

func cutSign(s string) (rest string, negative bool) {
	if rest, ok := strings.CutPrefix(s, "-"); ok {
		return rest, true
	}
	return strings.TrimPrefix(s, "+"), false
}

func cutExponent(s string) (mantissa string, exponent int, err error) {
	at := strings.IndexAny(s, "eE")
	if at < 0 {
		return s, 0, nil
	}
	exponent, err = strconv.Atoi(s[at+1:])
	if err != nil || exponent > 10*maxDigits || exponent < -10*maxDigits {
		return "", 0, invalid(Number, "has an exponent that cannot be read")
	}
	return s[:at], exponent, nil
}

func digitsOnly(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}
