use std::{
    collections::HashMap,
    fmt, fs,
    path::Path,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process_group};
use testcontainers::bollard::{
    Docker,
    errors::Error as DockerError,
    query_parameters::{
        ListContainersOptionsBuilder, ListNetworksOptionsBuilder, ListVolumesOptionsBuilder,
        RemoveContainerOptionsBuilder, RemoveVolumeOptionsBuilder,
    },
};

use super::{
    LABEL_OWNER, LABEL_RUN, Owner, RunId, engine,
    scratch::{CHILD_FILE, OWNER_FILE, root},
};

/// How long a killed process may take to be gone.
const DYING: Duration = Duration::from_secs(5);

/// What a sweep may remove.
#[derive(Clone, Copy, Debug)]
pub enum Scope<'a> {
    /// What dead processes left, of whatever run. For the start: it never touches what a living process made.
    Leftovers,
    /// Everything of one run, whoever made it. For the end of that run.
    Run(&'a RunId),
}

impl Scope<'_> {
    fn holds(self, run: Option<&str>, owner: Option<&str>) -> bool {
        match self {
            // What has no readable owner is nobody's to judge.
            Self::Leftovers => owner.and_then(Owner::parse).is_some_and(|owner| owner.is_dead()),
            Self::Run(id) => run == Some(id.as_str()),
        }
    }

    fn holds_labels(self, labels: &HashMap<String, String>) -> bool {
        let label = |name| labels.get(name).map(String::as_str);
        self.holds(label(LABEL_RUN), label(LABEL_OWNER))
    }
}

/// What a sweep found and what it could not remove.
#[derive(Debug, Default)]
pub struct Swept {
    /// Containers removed.
    pub containers: usize,
    /// Networks removed.
    pub networks: usize,
    /// Volumes removed.
    pub volumes: usize,
    /// Processes killed.
    pub processes: usize,
    /// Folders removed.
    pub folders: usize,
    /// What stayed, and why.
    pub failures: Vec<String>,
}

impl Swept {
    /// Whether there was nothing to do and nothing went wrong.
    pub fn is_clean(&self) -> bool {
        self.containers + self.networks + self.volumes + self.processes + self.folders == 0 && self.failures.is_empty()
    }

    fn count(&mut self, what: fn(&mut Self) -> &mut usize, name: &str, removed: Result<(), DockerError>) {
        match removed {
            Ok(()) => *what(self) += 1,
            // Two sweeps, or a sweep and a drop, may come to the same thing.
            Err(DockerError::DockerResponseServerError {
                status_code: 404 | 409, ..
            }) => {}
            Err(error) => self.failures.push(format!("{name}: {error}")),
        }
    }
}

impl fmt::Display for Swept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} containers, {} networks, {} volumes, {} processes, {} folders removed",
            self.containers, self.networks, self.volumes, self.processes, self.folders
        )?;
        for failure in &self.failures {
            write!(f, "; left: {failure}")?;
        }
        Ok(())
    }
}

/// Removes what a run, or any dead process, left behind: containers, networks, volumes, processes, folders.
///
/// Without a Docker engine there is nothing of it to remove; that is no failure.
pub async fn sweep(scope: Scope<'_>) -> Swept {
    let mut swept = Swept::default();
    if let Ok(docker) = engine::docker().await {
        // In the order in which they hold each other.
        containers(&docker, scope, &mut swept).await;
        networks(&docker, scope, &mut swept).await;
        volumes(&docker, scope, &mut swept).await;
    }
    folders(&root(), scope, &mut swept);
    swept
}

/// Everything of ours carries the run's label, whatever its value.
fn ours() -> HashMap<&'static str, Vec<&'static str>> {
    HashMap::from([("label", vec![LABEL_RUN])])
}

async fn containers(docker: &Docker, scope: Scope<'_>, swept: &mut Swept) {
    let all = ListContainersOptionsBuilder::new().all(true).filters(&ours()).build();
    let listed = docker.list_containers(Some(all)).await;
    let listed = listed.unwrap_or_else(|error| not_listed("containers", &error, swept));
    for container in listed {
        if !scope.holds_labels(&container.labels.unwrap_or_default()) {
            continue;
        }
        let id = container.id.unwrap_or_default();
        let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        let removed = docker.remove_container(&id, Some(options)).await;
        swept.count(|swept| &mut swept.containers, &id, removed);
    }
}

async fn networks(docker: &Docker, scope: Scope<'_>, swept: &mut Swept) {
    let filtered = ListNetworksOptionsBuilder::new().filters(&ours()).build();
    let listed = docker.list_networks(Some(filtered)).await;
    let listed = listed.unwrap_or_else(|error| not_listed("networks", &error, swept));
    for network in listed {
        if !scope.holds_labels(&network.labels.unwrap_or_default()) {
            continue;
        }
        let id = network.id.unwrap_or_default();
        let removed = docker.remove_network(&id).await;
        swept.count(|swept| &mut swept.networks, &id, removed);
    }
}

async fn volumes(docker: &Docker, scope: Scope<'_>, swept: &mut Swept) {
    let filtered = ListVolumesOptionsBuilder::new().filters(&ours()).build();
    let listed = docker.list_volumes(Some(filtered)).await;
    let listed = listed.map(|answer| answer.volumes.unwrap_or_default());
    let listed = listed.unwrap_or_else(|error| not_listed("volumes", &error, swept));
    for volume in listed {
        if !scope.holds_labels(&volume.labels) {
            continue;
        }
        let options = RemoveVolumeOptionsBuilder::new().force(true).build();
        let removed = docker.remove_volume(&volume.name, Some(options)).await;
        swept.count(|swept| &mut swept.volumes, &volume.name, removed);
    }
}

fn not_listed<T>(what: &str, error: &DockerError, swept: &mut Swept) -> Vec<T> {
    swept.failures.push(format!("{what} could not be listed: {error}"));
    Vec::new()
}

fn folders(root: &Path, scope: Scope<'_>, swept: &mut Swept) {
    for folder in entries(root) {
        let marks = fs::read_to_string(folder.join(OWNER_FILE)).unwrap_or_default();
        let mut marks = marks.lines();
        let (owner, run) = (marks.next(), marks.next());
        if !scope.holds(run, owner) {
            continue;
        }
        if end_child(&folder) {
            swept.processes += 1;
        }
        match fs::remove_dir_all(&folder) {
            Ok(()) => swept.folders += 1,
            // Two sweeps, or a sweep and a drop, may come to the same folder.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => swept.failures.push(format!("{}: {error}", folder.display())),
        }
    }
}

/// Kills the process group that works on a folder, if it is still the one that was noted, and waits until its leader is gone.
fn end_child(folder: &Path) -> bool {
    let noted = fs::read_to_string(folder.join(CHILD_FILE)).ok();
    let Some(child) = noted.as_deref().and_then(Owner::parse).filter(|child| !child.is_dead()) else {
        return false;
    };
    let pid = i32::try_from(child.pid()).ok().and_then(Pid::from_raw);
    let killed = pid.is_some_and(|pid| kill_process_group(pid, Signal::KILL).is_ok());
    let since = Instant::now();
    // It is somebody else's child, which cannot be waited for; what was killed is gone within milliseconds.
    while killed && !child.is_dead() && since.elapsed() < DYING {
        std::thread::sleep(Duration::from_millis(5));
    }
    killed
}

fn entries(folder: &Path) -> Vec<std::path::PathBuf> {
    let listed = fs::read_dir(folder).into_iter().flatten().flatten();
    listed.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt as _;

    use super::*;

    /// A folder as a process left it that has died, with a child that lives on.
    fn leftover(root: &Path, run: &str, owner: &str) -> (std::path::PathBuf, std::process::Child) {
        let folder = root.join("server");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(OWNER_FILE), format!("{owner}\n{run}\n")).unwrap();
        let child = std::process::Command::new("sleep")
            .arg("600")
            .process_group(0)
            .spawn()
            .unwrap();
        fs::write(folder.join(CHILD_FILE), Owner::of(child.id()).unwrap().to_string()).unwrap();
        (folder, child)
    }

    fn dead() -> String {
        let mut child = std::process::Command::new("sleep").arg("600").spawn().unwrap();
        let owner = Owner::of(child.id()).unwrap().to_string();
        child.kill().unwrap();
        child.wait().unwrap();
        owner
    }

    #[test]
    fn what_a_dead_process_left_is_ended_and_removed() {
        let root = tempfile::tempdir().unwrap();
        let (folder, mut child) = leftover(root.path(), "run", &dead());
        let mut swept = Swept::default();
        folders(root.path(), Scope::Leftovers, &mut swept);
        assert!(!folder.exists());
        assert!(!child.wait().unwrap().success());
        assert_eq!((swept.processes, swept.folders), (1, 1));
        assert_eq!(entries(root.path()).len(), 0);
    }

    #[test]
    fn what_a_living_process_made_stays_until_its_run_ends() {
        let root = tempfile::tempdir().unwrap();
        let (folder, mut child) = leftover(root.path(), "run", &Owner::current().to_string());
        let other = RunId::from_text("other").unwrap();
        let mut swept = Swept::default();
        folders(root.path(), Scope::Leftovers, &mut swept);
        folders(root.path(), Scope::Run(&other), &mut swept);
        assert!(swept.is_clean() && folder.exists() && child.try_wait().unwrap().is_none());

        let run = RunId::from_text("run").unwrap();
        folders(root.path(), Scope::Run(&run), &mut swept);
        assert!(!folder.exists());
        assert!(!child.wait().unwrap().success());
    }

    #[test]
    fn what_tells_no_owner_is_left_alone() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("somebody")).unwrap();
        let mut swept = Swept::default();
        folders(root.path(), Scope::Leftovers, &mut swept);
        assert!(swept.is_clean());
    }
}
