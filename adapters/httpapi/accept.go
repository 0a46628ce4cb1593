package httpapi

import (
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// accepted picks the form that an Accept header (RFC 9110, 12.5.1) gives most weight to; of equal ones, that which it
// names and not only means by a star, then the first. Without a header any will do. It is empty when none will. A stream
// without an end is only for who names it.
func accepted(header string, forms ...string) (best string) {
	if strings.TrimSpace(header) == "" {
		return forms[0]
	}
	var most [2]float64
	for _, form := range forms {
		exact, weight := 0, 0.0
		for part := range strings.SplitSeq(header, ",") {
			kind, params, err := mime.ParseMediaType(part)
			if how := exactness(kind, form); err == nil && how > exact {
				exact, weight = how, weightOf(params["q"])
			}
		}
		if got := [2]float64{weight, float64(exact)}; weight > 0 && slices.Compare(got[:], most[:]) > 0 {
			best, most = form, got
		}
	}
	return best
}

// exactness is how exactly a range means the form, 0 when it does not.
func exactness(kind, form string) int {
	family, _, _ := strings.Cut(form, "/")
	switch {
	case kind == form:
		return 3
	case form == eventStream:
		return 0
	case kind == family+"/*":
		return 2
	case kind == "*/*":
		return 1
	}
	return 0
}

// weightOf takes one that cannot be read for none.
func weightOf(text string) float64 {
	if q, err := strconv.ParseFloat(text, 64); err == nil && q >= 0 && q <= 1 {
		return q
	}
	return 1
}

// notAcceptable answers who takes none of the forms.
func notAcceptable(forms ...string) error {
	return problem(http.StatusNotAcceptable, "this is answered as "+strings.Join(forms, " or ")+
		": name one of them in Accept, with a weight that is not 0, or send none")
}
