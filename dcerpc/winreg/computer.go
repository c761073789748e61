package winreg

import (
	"fmt"
	"strconv"
)

// Computer is what the registry of a file server tells of it.
type Computer struct {
	Name         string // computer name
	Domain       string // of the name in DNS; may be empty
	Product      string // name of the software
	Major, Minor uint32 // version of the operating system that it stands for
}

const (
	currentVersion    = `HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion`
	currentControlSet = `HKLM\SYSTEM\CurrentControlSet\`
)

// Table returns the keys that clients and tools look for on a file server, as far as
// they mean something here; most are those that Samba's smbd has.
func (c Computer) Table() Table {
	control, services := currentControlSet+`Control\`, currentControlSet+`Services\`
	version := fmt.Sprintf("%d.%d", c.Major, c.Minor)
	return Table{
		currentVersion: {
			String("CurrentVersion", version),
			DWord("CurrentMajorVersionNumber", c.Major),
			DWord("CurrentMinorVersionNumber", c.Minor),
			String("ProductName", c.Product),
			String("CurrentBuild", "0"),
			String("CurrentBuildNumber", "0"),
			String("CurrentType", "Multiprocessor Free"),
			String("InstallationType", "Server"),
			String("SystemRoot", `C:\Windows`),
			String("PathName", `C:\Windows`),
			String("RegisteredOwner", ""),
			String("RegisteredOrganization", ""),
		},
		currentVersion + `\Perflib`:     {String("Base Index", strconv.Itoa(1))},
		currentVersion + `\Perflib\009`: nil,

		control + `ProductOptions`:                  {String("ProductType", "ServerNT")},
		control + `ComputerName\ComputerName`:       {String("ComputerName", c.Name)},
		control + `ComputerName\ActiveComputerName`: {String("ComputerName", c.Name)},
		control + `TimeZoneInformation`:             {DWord("Bias", 0), DWord("ActiveTimeBias", 0)},
		control + `Session Manager\Environment`:     {String("OS", "Windows_NT")},
		control + `Terminal Server`:                 {DWord("fDenyTSConnections", 1)},
		control + `Print\Printers`:                  nil,
		control + `SecurePipeServers\winreg`:        {String("Description", "Registry Server")},
		control + `SecurePipeServers\winreg\AllowedExactPaths`: {MultiString("Machine",
			`System\CurrentControlSet\Control\ProductOptions`,
			`Software\Microsoft\Windows NT\CurrentVersion`)},
		control + `SecurePipeServers\winreg\AllowedPaths`: {MultiString("Machine",
			`System\CurrentControlSet\Control\Print\Printers`,
			`System\CurrentControlSet\Services\Eventlog`,
			`System\CurrentControlSet\Control\Terminal Server`)},

		services + `Eventlog`:                nil,
		services + `LanmanServer\Parameters`: {MultiString("NullSessionPipes"), MultiString("NullSessionShares"), DWord("RestrictNullSessAccess", 1)},
		services + `LanmanServer\Shares`:     nil,
		services + `Netlogon\Parameters`:     {DWord("RefusePasswordChange", 0)},
		services + `Tcpip\Parameters`: {
			String("Hostname", c.Name), String("NV Hostname", c.Name),
			String("Domain", c.Domain), String("NV Domain", c.Domain),
		},
		`HKU\.DEFAULT`: nil,
	}
}

// SharesKey is the path of the key that lists shares, with a value each that ShareValue
// makes.
const SharesKey = currentControlSet + `Services\LanmanServer\Shares`

// ShareValue is how Windows' server service stores a share in SharesKey.
func ShareValue(name, path, remark string, maxUses uint32) Value {
	return MultiString(name,
		"CSCFlags=0",
		"MaxUses="+strconv.FormatUint(uint64(maxUses), 10),
		"Path="+path,
		"Permissions=0",
		"Remark="+remark,
		"ShareName="+name,
		"Type=0")
}
