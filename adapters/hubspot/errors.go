package hubspot

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/domain"
)

// problem is HubSpot's error answer, and a failed row of a batch; every field is optional. Its message may hold
// personal values and never goes into a text of ours.
type problem struct {
	Status     string              `json:"status"`
	Message    string              `json:"message"`
	Category   string              `json:"category"`
	ErrorType  string              `json:"errorType"`
	PolicyName string              `json:"policyName"`
	Context    map[string][]string `json:"context"`
	Errors     []struct {
		Code    string              `json:"code"`
		Context map[string][]string `json:"context"`
	} `json:"errors"`
}

var (
	wordShape    = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,60}$`)
	existingID   = regexp.MustCompile(`Existing ID: (\d+)`)
	holderID     = regexp.MustCompile(`record with id (\d+)`)
	nonUniqueKey = regexp.MustCompile(`non-unique \S+ property`)
)

// Waits when HubSpot names none.
const (
	waitLock    = 2 * time.Second
	waitServer  = 2 * time.Second
	waitWindow  = 10 * time.Second
	waitDay     = time.Hour
	maxWaitTold = 24 * time.Hour
)

// statusMigrating is HubSpot's own status for a portal that is being moved: Retry-After holds seconds.
const statusMigrating = 477

// failedCall is a classified answer with what it said.
type failedCall struct {
	cause   *adapters.Error
	problem problem
}

func (f *failedCall) Error() string { return f.cause.Error() }
func (f *failedCall) Unwrap() error { return f.cause }

// wrongPath is a 404 that is about the request, not about a record; it makes the error one to try again later.
func (f *failedCall) wrongPath() bool {
	if f.cause.Status != http.StatusNotFound || f.problem.Category == "OBJECT_NOT_FOUND" {
		return false
	}
	f.cause.Class, f.cause.Reason, f.cause.After = adapters.Retry, "", waitDay
	f.cause.Detail = "hubspot does not offer this request: wrong base URL or API version"
	return true
}

// classify says what to do about an answer that is not 2xx.
func classify(status int, header http.Header, body []byte) *failedCall {
	var p problem
	_ = json.Unmarshal(body, &p) // may be a proxy's page
	e := &adapters.Error{Status: status, Class: adapters.Rejected, Detail: p.text(status)}
	switch {
	case status == http.StatusTooManyRequests:
		e.Class, e.After = adapters.Throttled, told(header, p.wait())
	case status == statusMigrating:
		e.Class, e.After = adapters.Throttled, told(header, waitDay)
	case status == http.StatusLocked:
		e.Class, e.After = adapters.Retry, told(header, waitLock)
	case status >= 500 || status == http.StatusRequestTimeout:
		e.Class, e.After = adapters.Retry, told(header, waitServer)
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		e.Class = adapters.Unauthorized
	case status == http.StatusNotFound:
		e.Reason = domain.ReasonGone
	default:
		e.Reason = domain.ReasonInvalid
	}
	e.Unsent = e.Class == adapters.Throttled || e.Class == adapters.Unauthorized
	return &failedCall{e, p}
}

// unsent says of a failure that what was to be written has not arrived.
func unsent(err error) error {
	var told *adapters.Error
	if !errors.As(err, &told) {
		return err
	}
	e := *told
	e.Unsent = true
	return &e
}

// wait fits the policy that was broken.
func (p problem) wait() time.Duration {
	switch {
	case strings.Contains(p.PolicyName, "DAILY") || strings.Contains(p.Message, "daily limit"):
		return waitDay
	case p.PolicyName == "SECONDLY" || strings.Contains(p.Message, "secondly limit") &&
		!strings.Contains(p.Message, "ten_secondly"):
		return time.Second
	}
	return waitWindow
}

// told reads Retry-After in seconds; it is promised for 477 alone, so it is capped.
func told(h http.Header, otherwise time.Duration) time.Duration {
	s, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || s < 1 {
		return otherwise
	}
	return time.Duration(min(s, int(maxWaitTold/time.Second))) * time.Second
}

// text says what HubSpot answered, in words that hold no value: the status and HubSpot's own category.
func (p problem) text(status int) string {
	words := p.Category
	if !wordShape.MatchString(words) {
		words = http.StatusText(status)
	}
	return strings.TrimSpace(fmt.Sprintf("hubspot answered %d %s", status, words))
}

// fault is a property HubSpot refuses, and its code for why.
type fault struct {
	Name  string `json:"name"`
	Error string `json:"error"`
}

// faults reads the properties that were refused: they stand as JSON in the message, or in errors.
func (p problem) faults() []fault {
	var out []fault
	if i := strings.Index(p.Message, "["); i >= 0 {
		_ = json.NewDecoder(strings.NewReader(p.Message[i:])).Decode(&out)
	}
	for _, e := range p.Errors {
		for _, name := range e.Context["propertyName"] {
			out = append(out, fault{name, e.Code})
		}
	}
	for i := range out {
		if !wordShape.MatchString(out[i].Error) {
			out[i].Error = "INVALID"
		}
	}
	return out
}

// existing is the record that already has the email, as far as the free text tells; zero otherwise.
func (p problem) existing() domain.Record {
	m := existingID.FindStringSubmatch(p.Message)
	if m == nil && p.Category == "CONFLICT" {
		m = holderID.FindStringSubmatch(p.Message)
	}
	if m == nil {
		return domain.Record{}
	}
	return record(m[1])
}
