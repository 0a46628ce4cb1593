package app

import (
	"fmt"
	"time"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
)

// addUsed says when a system last answered to the credential it was given, as far as the log shows: its schema was read,
// or a sweep went through it.
func addUsed(s *httpapi.Status, c planner.Control) {
	for _, sys := range domain.Systems {
		at := c.Swept[sys].At
		if sys == domain.HubSpot { // Aloware's schema is the documented one: nobody is asked
			at = max(at, c.Schemas[sys].Clock)
		}
		if at == 0 {
			continue
		}
		side, t := s.Systems[string(sys)], time.UnixMicro(at).UTC()
		side.Credential, side.Used = httpapi.CredentialWorks, &t
		s.Systems[string(sys)] = side
	}
}

// addCredentials says which credentials are refused: what waits for one that works, told by the last try.
func addCredentials(s *httpapi.Status, refused map[domain.System]int64) {
	for _, sys := range domain.Systems {
		n := refused[sys]
		if n == 0 {
			continue
		}
		side := s.Systems[string(sys)]
		side.Credential = fmt.Sprintf("refused, %d wait", n)
		s.Systems[string(sys)] = side
		s.Needs = append(s.Needs, fmt.Sprintf("%s refuses the credential; %d commands wait for one that works (duolog connect %s; duolog doctor asks it)",
			sys.Title(), n, sys))
	}
}
