package sandbox

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/google/uuid"

	"github.com/duolog/duolog/adapters/sandboxkit"
)

// problem is an error answer in HubSpot's shape; Status is the HTTP status.
type problem struct {
	HTTP          int                 `json:"-"`
	Status        string              `json:"status"`
	Message       string              `json:"message"`
	CorrelationID string              `json:"correlationId,omitempty"`
	Category      string              `json:"category,omitempty"`
	SubCategory   string              `json:"subCategory,omitempty"`
	Context       map[string][]string `json:"context,omitempty"`
	ErrorType     string              `json:"errorType,omitempty"`
	PolicyName    string              `json:"policyName,omitempty"`
	faults        []fault
}

func newProblem(status int, category, message string) *problem {
	return &problem{
		HTTP: status, Status: "error", Message: message, Category: category, CorrelationID: uuid.NewString(),
	}
}

func (p *problem) with(name, value string) *problem {
	if p.Context == nil {
		p.Context = map[string][]string{}
	}
	p.Context[name] = append(p.Context[name], value)
	return p
}

func (p *problem) write(w http.ResponseWriter) { sandboxkit.WriteJSON(w, p.HTTP, p) }

func invalid(message string) *problem {
	return newProblem(http.StatusBadRequest, "VALIDATION_ERROR", message)
}

// invalidValues embeds the faults as JSON in the message, as HubSpot does.
func invalidValues(faults []fault) *problem {
	b, _ := json.Marshal(faults)
	p := invalid("Property values were not valid: " + string(b))
	p.faults = faults
	return p
}

func conflict(existing int64) *problem {
	return newProblem(http.StatusConflict, "CONFLICT", fmt.Sprintf("Contact already exists. Existing ID: %d", existing))
}

func notFound() *problem {
	return newProblem(http.StatusNotFound, "OBJECT_NOT_FOUND", "resource not found")
}

func writeFailed(w http.ResponseWriter, _ *http.Request, status int) {
	if status == http.StatusBadGateway { // from a proxy in between: not JSON
		http.Error(w, "<html><body>502 Bad Gateway</body></html>", status)
		return
	}
	newProblem(status, "INTERNAL_ERROR", "internal error").write(w)
}

func (s *Sandbox) writeLimited(w http.ResponseWriter, r *http.Request) {
	p := newProblem(http.StatusTooManyRequests, "RATE_LIMITS", "You have reached your ten_secondly_rolling limit.")
	p.ErrorType, p.PolicyName = "RATE_LIMIT", "TEN_SECONDLY_ROLLING"
	if isSearch(r) {
		p.Message, p.PolicyName = "You have reached your secondly limit.", "SECONDLY"
	} else {
		s.limitHeaders(w, 0)
	}
	p.write(w)
}

func (s *Sandbox) limitHeaders(w http.ResponseWriter, left int) {
	if s.burst.Max > 0 {
		w.Header().Set("X-HubSpot-RateLimit-Max", strconv.Itoa(s.burst.Max))
		w.Header().Set("X-HubSpot-RateLimit-Remaining", strconv.Itoa(left))
		w.Header().Set("X-HubSpot-RateLimit-Interval-Milliseconds", "10000")
	}
}
