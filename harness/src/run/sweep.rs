use std::{
    collections::HashMap,
    fmt, fs, io,
    path::{Path, PathBuf},
};

use testcontainers::bollard::{
    Docker,
    errors::Error as DockerError,
    query_parameters::{
        ListContainersOptionsBuilder, ListNetworksOptionsBuilder, ListVolumesOptionsBuilder,
        RemoveContainerOptionsBuilder, RemoveVolumeOptionsBuilder,
    },
};

use super::{
    LABEL_OWNER, LABEL_RUN, Owner, RunId, end_group, engine, held, port,
    scratch::{self, CHILD_FILE, OWNER_FILE},
};

/// What a sweep may remove. It never touches what a living process made.
#[derive(Clone, Copy, Debug)]
pub enum Scope<'a> {
    /// What dead processes left, of whatever run.
    Leftovers,
    /// What dead processes left of one run.
    Run(&'a RunId),
}

impl Scope<'_> {
    fn holds(self, run: Option<&str>) -> bool {
        match self {
            Self::Leftovers => true,
            Self::Run(id) => run == Some(id.as_str()),
        }
    }

    fn holds_labels(self, labels: &HashMap<String, String>) -> bool {
        let label = |name| labels.get(name).map(String::as_str);
        // What has no readable owner is nobody's to judge.
        let is_left = label(LABEL_OWNER)
            .and_then(Owner::parse)
            .is_some_and(|owner| owner.is_dead());
        is_left && self.holds(label(LABEL_RUN))
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
    match (scratch::root(), port::root()) {
        (Ok(scratch), Ok(ports)) => {
            folders(&scratch, scope, &mut swept);
            locks(&ports);
        }
        (Err(error), _) | (_, Err(error)) => swept.failures.push(error.to_string()),
    }
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
    for folder in entries(root).filter(|path| path.is_dir()) {
        let owner = folder.join(OWNER_FILE);
        // Held until the folder is gone: who is about to make one must not take it for his own.
        let Some(_held) = held::take_present(&owner) else {
            continue;
        };
        let run = fs::read_to_string(&owner).ok();
        let run = run.as_deref().and_then(|text| text.lines().next());
        if !scope.holds(run) {
            continue;
        }
        if run
            .and_then(RunId::from_text)
            .is_some_and(|run| end_child(&folder, &run))
        {
            swept.processes += 1;
        }
        match fs::remove_dir_all(&folder) {
            Ok(()) => swept.folders += 1,
            // Two sweeps, or a sweep and a drop, may come to the same folder.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => swept.failures.push(format!("{}: {error}", folder.display())),
        }
    }
}

/// Kills the process group that works on a folder of a run.
fn end_child(folder: &Path, run: &RunId) -> bool {
    let noted = fs::read_to_string(folder.join(CHILD_FILE)).ok();
    let leader = noted.and_then(|noted| noted.trim().parse().ok());
    leader.is_some_and(|leader| end_group(leader, run))
}

/// Removes the lock files of ports that nobody has. They are no more than names, and not worth being told.
fn locks(root: &Path) {
    for file in entries(root) {
        if held::take_present(&file).is_some() {
            let _ = fs::remove_file(file);
        }
    }
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let listed = fs::read_dir(folder).into_iter().flatten().flatten();
    listed.map(|entry| entry.path())
}

#[cfg(test)]
mod tests {
    use std::{fs::File, os::unix::process::CommandExt as _, process::Child};

    use super::*;

    /// A folder of a run, with its lock and a child that works on it.
    fn folder_of(root: &Path, run: &str) -> (PathBuf, File, Child) {
        let folder = root.join("server");
        fs::create_dir_all(&folder).unwrap();
        let held = held::take(&folder.join(OWNER_FILE)).unwrap().unwrap();
        fs::write(folder.join(OWNER_FILE), format!("{run}\n")).unwrap();
        let child = std::process::Command::new("sleep")
            .arg("600")
            .env(RunId::VARIABLE, run)
            .process_group(0)
            .spawn()
            .unwrap();
        scratch::note_child(&folder, child.id()).unwrap();
        (folder, held, child)
    }

    fn swept(root: &Path, scope: Scope<'_>) -> Swept {
        let mut swept = Swept::default();
        folders(root, scope, &mut swept);
        swept
    }

    #[test]
    fn what_a_dead_process_left_is_ended_and_removed() {
        let root = tempfile::tempdir().unwrap();
        let (folder, held, mut child) = folder_of(root.path(), "swept-run");
        // As the kernel does when a process dies.
        drop(held);
        let swept = swept(root.path(), Scope::Leftovers);
        assert!(!folder.exists());
        assert!(!child.wait().unwrap().success());
        assert_eq!((swept.processes, swept.folders), (1, 1));
    }

    #[test]
    fn what_a_living_process_made_stays_whatever_its_run() {
        let root = tempfile::tempdir().unwrap();
        let (folder, held, mut child) = folder_of(root.path(), "living-run");
        let run = RunId::from_text("living-run").unwrap();
        assert!(swept(root.path(), Scope::Leftovers).is_clean());
        assert!(swept(root.path(), Scope::Run(&run)).is_clean());
        assert!(folder.exists() && child.try_wait().unwrap().is_none());

        drop(held);
        let other = RunId::from_text("other").unwrap();
        assert!(swept(root.path(), Scope::Run(&other)).is_clean() && folder.exists());
        assert_eq!(swept(root.path(), Scope::Run(&run)).folders, 1);
        assert!(!child.wait().unwrap().success());
    }

    #[test]
    fn a_process_that_is_not_proven_ours_is_never_killed() {
        let root = tempfile::tempdir().unwrap();
        let (folder, held, mut ours) = folder_of(root.path(), "pid-used-again");
        // Somebody else's process has the number that is noted.
        let mut stranger = std::process::Command::new("sleep")
            .arg("600")
            .process_group(0)
            .spawn()
            .unwrap();
        scratch::note_child(&folder, stranger.id()).unwrap();
        drop(held);
        let swept = swept(root.path(), Scope::Leftovers);
        assert_eq!((swept.processes, swept.folders), (0, 1));
        assert!(stranger.try_wait().unwrap().is_none());
        for child in [&mut ours, &mut stranger] {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    #[test]
    fn what_tells_no_owner_is_left_alone() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("somebody")).unwrap();
        assert!(swept(root.path(), Scope::Leftovers).is_clean());
    }

    #[test]
    fn lock_files_of_ports_go_when_nobody_holds_them() {
        let root = tempfile::tempdir().unwrap();
        let (free, used) = (root.path().join("18000"), root.path().join("18001"));
        fs::write(&free, "").unwrap();
        let _held = held::take(&used).unwrap().unwrap();
        locks(root.path());
        assert!(!free.exists() && used.exists());
    }
}
