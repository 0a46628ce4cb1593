package app

import (
	"fmt"
	"time"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
)

// where is the place in each system where its webhooks are set up.
var where = map[domain.System]string{
	domain.Aloware: `Aloware → Integrations → Webhooks: is "Duolog" Valid & Active? (duolog connect aloware)`,
	domain.HubSpot: "HubSpot → Development → Projects → duolog → Webhooks (duolog connect hubspot)",
}

// addSilence says which system's webhooks do not arrive: the last sweep found changes there, and nothing was told since
// the moment from which on it looked.
func addSilence(s *httpapi.Status, c planner.Control) {
	for _, sys := range domain.Systems {
		swept, ok := c.Swept[sys]
		if swept.Unexplained > 0 {
			s.Needs = append(s.Needs, fmt.Sprintf("%d fields differ though no decision says so; duolog reconcile plans them, "+
				"and please report it with duolog contact history of one", swept.Unexplained))
		}
		polled := sys == domain.HubSpot && c.Settings.Sources.HubSpot == settings.SourcePoll
		heard := c.Heard[sys]
		since := swept.At - c.Settings.Sources.Every(sys).Microseconds()
		if !ok || polled || swept.Drift == 0 || heard > since {
			continue
		}
		silence := "has sent no webhook yet"
		if heard > 0 {
			silence = "has sent no webhook since " + time.UnixMicro(heard).In(c.Settings.Env().Zone).Format("2 Jan 15:04")
		}
		s.Needs = append(s.Needs, fmt.Sprintf("%s %s; the sweep found %d changes it should have told. Check %s; see duolog webhooks rejected",
			sys.Title(), silence, swept.Drift, where[sys]))
	}
}

// nativeFor is how long a contact that Aloware's own integration made says that it is still on.
const nativeFor = 7 * 24 * time.Hour

func addNative(s *httpapi.Status, c planner.Control, now time.Time) {
	if c.Native.At > 0 && now.Sub(time.UnixMicro(c.Native.At)) < nativeFor {
		s.Needs = append(s.Needs, nativeWords(c))
	}
}
